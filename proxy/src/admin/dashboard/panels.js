// What is told in words, figures and tables.
const HEALTH = {
  reached: ["good", "reached"], suspected: ["warn", "suspected"], removed: ["bad", "removed"], loading: ["busy", "loading"], unknown: ["", "asking"],
};

function verdict(status) {
  const { cluster, slots, nodes, file, rebalancing } = status;
  if (!cluster.has_view) return ["bad", "no view yet"];
  if (cluster.lease && !cluster.lease.held) return ["bad", "not serving"];
  if (slots.lost > 0) return ["bad", whole.format(slots.lost) + " slots lost"];
  if (nodes.some((node) => node.health === "suspected" || node.health === "removed")) return ["warn", "degraded"];
  if (!file.is_followed) return ["warn", "file not followed"];
  if (rebalancing.slots_to_do > 0) return ["busy", "rebalancing"];
  return ["good", "healthy"];
}

function pill(kind, text) {
  return make("span", { class: "pill " + kind }, text);
}

function showTop(status) {
  const { cluster, proxy } = status;
  setText(byId("name"), cluster.name);
  document.title = cluster.name + " · Ringmaster";
  const [kind, text] = verdict(status);
  byId("state").className = "pill " + kind;
  setText(byId("state"), text);
  const lease = cluster.lease ? (cluster.lease.held ? "held" : "not held") : "not needed";
  const facts = [
    ["epoch", String(cluster.epoch)], ["lease", lease], ["copies", String(cluster.replicas)], ["clients", count(proxy.clients)],
    ["up", span(proxy.uptime_seconds)], ["version", proxy.version],
  ];
  fill(byId("facts"), facts, () => facts.map(([name, value]) => make("div", {}, make("dt", {}, name), make("dd", {}, value))));
}

function showNotes(status) {
  const { cluster, file, slots } = status;
  const notes = [];
  if (!cluster.has_view) notes.push(["bad", "No view: ", "the nodes have not decided yet who serves what, so nothing is answered."]);
  if (cluster.lease && !cluster.lease.held) notes.push(["bad", "No lease: ", "this proxy has not heard a majority of the acceptors, so it answers nothing."]);
  if (slots.lost > 0) notes.push(["bad", whole.format(slots.lost) + " slots are lost: ", "no node serves them."]);
  if (cluster.is_at_fault) notes.push(["bad", "This proxy is cut off: ", "the other proxies reach a node that it does not."]);
  if (file.error) notes.push(["warn", "cluster.yaml is refused; ", "the one before it stays in force. See below."]);
  cluster.problems.slice(0, 6).forEach((problem) => notes.push(["warn", problem.node ? problem.node + " " : "", problem.text]));
  if (cluster.problems.length > 6) notes.push(["warn", "", cluster.problems.length - 6 + " more problems: see /readyz"]);
  fill(byId("notes"), notes, () => notes.map(([kind, strong, text]) => make("p", { class: "banner " + kind }, make("b", {}, strong), text)));
}

function showNodes(status) {
  const of = colours(status.nodes);
  const body = byId("nodes");
  const known = new Map([...body.children].map((row) => [row.dataset.node, row]));
  const rows = status.nodes.map((node) => {
    const row = known.get(node.name) || nodeRow(node);
    fillNode(row, node, of.get(node.name));
    return row;
  });
  const same = rows.length === body.children.length && rows.every((row, at) => body.children[at] === row);
  if (!same) body.replaceChildren(...rows);
}

function nodeRow(node) {
  const row = make("tr", { "data-node": node.name });
  row.addEventListener("pointerenter", () => { ring.looked = node.name; lookAt(); });
  row.addEventListener("pointerleave", () => { ring.looked = null; lookAt(); });
  return row;
}

function fillNode(row, node, colour) {
  const told = node.figures;
  const [kind, word] = HEALTH[node.health] || HEALTH.unknown;
  const notes = [node.is_drained ? "drained" : null, node.is_listed ? null : "not in cluster.yaml", node.zone || null].filter(Boolean);
  const used = told && told.used_memory, most = told && told.maxmemory;
  const share = used && most ? used / most : null;
  const log = !told ? "–" : told.log.is_on ? (told.log.state === "ok" ? bytes(told.log.bytes) : "failing") : "off";
  const look = [node.health, node.reason, notes, used && bytes(used), most, share && share.toFixed(2), told && told.commands_per_second,
    told && percent(told.hit_ratio), told && told.keys, node.slots, told && told.evicted_keys, log, told && told.version, node.address, colour];
  fill(row, look, () => {
    const swatch = make("i", { class: "swatch", "aria-hidden": "true" });
    swatch.style.background = colour;
    const bar = make("i", { class: share > 0.9 ? "warn" : "" });
    bar.style.width = Math.min(100, 100 * (share || 0)) + "%";
    const number = (label, value) => make("td", { class: "n", "data-label": label }, value);
    const slots = whole.format(node.slots.heads) + (node.slots.copies > node.slots.heads ? " / " + whole.format(node.slots.copies) : "");
    return [
      make("td", { class: "first" }, make("div", { class: "who" }, swatch, make("span", {}, make("b", {}, node.name), make("span", {}, [node.address, ...notes].join(" · "))))),
      make("td", {}, pill(kind, word), node.reason ? make("div", { class: "why" }, node.reason) : null),
      make("td", { class: "mem", "data-label": "Memory" }, bytes(used) + (most ? " of " + bytes(most) : told ? " · no bound" : ""), most ? make("div", { class: "bar", role: "img", "aria-label": "memory " + percent(share, 0) + " used" }, bar) : null),
      number("Commands/s", told ? count(told.commands_per_second) : "–"),
      number("Hit ratio", told ? percent(told.hit_ratio) : "–"),
      number("Keys", told ? count(told.keys) : "–"),
      number("Slots, copies", slots),
      number("Evicted", told ? count(told.evicted_keys) : "–"),
      make("td", { "data-label": "Log" }, log),
      make("td", { "data-label": "Version" }, (told && told.version) || "–"),
    ];
  });
}

function empty(strong, text) {
  return make("p", { class: "empty" }, make("b", {}, strong), text);
}

// The most that was to do since it was last nothing: what a bar is full at.
let mostToDo = 0;

function showMoves(status) {
  const { rebalancing, cluster } = status;
  const left = rebalancing.slots_to_do;
  mostToDo = left === 0 ? 0 : Math.max(mostToDo, left);
  const look = [cluster.placed_by, rebalancing, mostToDo];
  fill(byId("moves"), look, () => {
    if (cluster.placed_by === "file") return [empty("Slots are placed by the file", "With one copy of each slot nothing is copied when the file changes.")];
    if (!cluster.has_view) return [empty("No view yet", "There is nothing to move before the first view.")];
    if (left === 0 && rebalancing.moves.length === 0) return [empty("Nothing moves", "Every slot has its copies where cluster.yaml wants them.")];
    const done = mostToDo ? 1 - left / mostToDo : 0;
    const bar = make("i");
    bar.style.width = (100 * done).toFixed(1) + "%";
    const pace = [rebalancing.copies + " being copied", bytes(rebalancing.bytes_per_second) + "/s", whole.format(Math.round(rebalancing.slots_per_minute / 60)) + " slots/s"];
    if (rebalancing.seconds_left !== null) pace.push("about " + span(rebalancing.seconds_left) + " left");
    const pairs = rebalancing.moves.slice(0, 40).map((move) =>
      make("li", {}, make("span", {}, move.from + " → " + move.to), make("span", { class: "quiet" }, whole.format(move.slots) + " slots · " + bytes(move.bytes))));
    return [
      make("p", { class: "big" }, whole.format(left) + " ", make("small", {}, "slots to do")),
      make("div", { class: "bar big-bar", role: "progressbar", "aria-valuemin": 0, "aria-valuemax": 100, "aria-valuenow": Math.round(100 * done), "aria-label": "rebalancing" }, bar),
      make("p", { class: "sub" }, pace.join(" · ")),
      make("ul", { class: "pairs" }, ...pairs),
    ];
  });
}

function showFile(status) {
  const { file, cluster } = status;
  fill(byId("file"), [file, cluster.ack, cluster.read_from], () => {
    const state = file.error ? pill("bad", "refused") : file.is_followed ? pill("good", "followed") : pill("warn", "not followed");
    const rows = [
      ["path", file.path], ["version", file.version ? String(file.version) : "none"], ["standing", file.standing || "in force"],
      ["changes", file.reloads + " taken, " + file.failures + " refused"], ["writes", cluster.ack === "all" ? "acknowledged by every copy" : "acknowledged by the head"],
      ["reads", cluster.read_from === "tail" ? "from the tail" : "from any copy in sync"],
    ];
    const list = make("dl", { class: "rows" });
    rows.forEach(([name, value]) => list.append(make("dt", {}, name), make("dd", {}, value)));
    return [make("p", { class: "above" }, state), list, file.error ? make("pre", { tabindex: 0 }, file.error) : null].filter(Boolean);
  });
}

function showCurve(status) {
  const curves = status.nodes.map((node) => node.figures && node.figures.miss_curve).filter(Boolean);
  const mean = (of) => curves.reduce((sum, curve) => sum + curve[of], 0) / curves.length;
  const sizes = [["half", "half of it"], ["same", "as it is"], ["twice", "twice"], ["four_times", "four times"]];
  const look = curves.length === 0 ? null : sizes.map(([of]) => mean(of).toFixed(1));
  fill(byId("curve"), [look, curves.length], () => {
    if (!look) return [empty("Not known yet", "Nodes with a bound of memory estimate it once half of that is used.")];
    const rows = sizes.map(([of, word], at) => {
      const bar = make("i");
      bar.style.width = (100 * mean(of)) / Math.max(1, ...sizes.map(([size]) => mean(size))) + "%";
      return make("div", { class: of === "same" ? "curve-row same" : "curve-row" }, make("span", {}, word), make("div", { class: "bar" }, bar), make("span", {}, look[at] + "%"));
    });
    return [make("p", { class: "sub" }, "Reads that would miss with another amount of memory, mean of " + curves.length + (curves.length === 1 ? " node" : " nodes")), ...rows];
  });
}

function table(heads, rows) {
  const head = make("tr", {}, ...heads.map(([text, kind]) => make("th", { scope: "col", class: kind }, text)));
  return make("div", { class: "scroll" }, make("table", {}, make("thead", {}, head), make("tbody", {}, ...rows)));
}

function showHot(status) {
  fill(byId("hot"), status.hot_keys, () => {
    if (status.hot_keys.length === 0) return [empty("No key stands out", "Keys that come often are seen here within a second or two.")];
    const rows = status.hot_keys.slice(0, 10).map((key) => {
      const name = make("span", { class: "mono cut", title: key.key }, key.key.length > 48 ? key.key.slice(0, 47) + "…" : key.key);
      return make("tr", {}, make("td", {}, name), make("td", { class: "n" }, count(key.commands_per_second)), make("td", { class: "n" }, percent(key.share)),
        make("td", { class: "n" }, percent(key.writes, 0)), make("td", { class: "n" }, String(key.database)));
    });
    return [table([["Key", ""], ["Commands/s", "n"], ["Share", "n"], ["Writes", "n"], ["Db", "n"]], rows)];
  });
}

function showSlow(status) {
  const now = Math.floor(status.at_ms / 1000);
  const calls = status.slow_log.slice(0, 10);
  fill(byId("slow"), [calls, Math.floor(now / 10)], () => {
    if (calls.length === 0) return [empty("No slow call", "Calls above slowlog-log-slower-than of the nodes are shown here.")];
    const rows = calls.map((call) => {
      const words = call.words.join(" ") + (call.words_left_out ? " … " + call.words_left_out + " more" : "");
      const text = make("span", { class: "mono cut", title: words }, words.length > 56 ? words.slice(0, 55) + "…" : words);
      return make("tr", {}, make("td", {}, text), make("td", { class: "n" }, micros(call.micros)), make("td", {}, call.node), make("td", { class: "n" }, span(Math.max(0, now - call.at)) + " ago"));
    });
    return [table([["Call", ""], ["Took", "n"], ["Node", ""], ["When", "n"]], rows)];
  });
}
