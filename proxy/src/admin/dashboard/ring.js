// The ring: who is the head of how many slots, and with whom each node shares its chains.
const RING = { size: 240, outer: 112, inner: 84 };
const ring = { looked: null, pinned: null, status: null };

function point(angle, radius) {
  const middle = RING.size / 2;
  return (middle + radius * Math.sin(angle)).toFixed(2) + " " + (middle - radius * Math.cos(angle)).toFixed(2);
}

function arc(from, to, inner, outer) {
  const end = Math.min(to, from + 2 * Math.PI - 0.0005);
  const large = end - from > Math.PI ? 1 : 0;
  return "M" + point(from, outer) + "A" + outer + " " + outer + " 0 " + large + " 1 " + point(end, outer) +
    "L" + point(end, inner) + "A" + inner + " " + inner + " 0 " + large + " 0 " + point(from, inner) + "Z";
}

// Where each node stands: an arc as wide as its share of the heads.
function places(nodes) {
  const heads = nodes.map((node) => node.slots.heads);
  const all = heads.reduce((sum, slots) => sum + slots, 0);
  let at = 0;
  return nodes.map((node, index) => {
    const from = at;
    at += all ? (2 * Math.PI * heads[index]) / all : 0;
    return { node, from, to: at, middle: (from + at) / 2 };
  });
}

// Slots that two nodes share, by the name of the other.
function partners(chains, name) {
  const others = new Map();
  for (const chain of chains.filter((chain) => chain.nodes.includes(name))) {
    for (const other of chain.nodes.filter((node) => node !== name)) others.set(other, (others.get(other) || 0) + chain.slots);
  }
  return [...others].sort((one, other) => other[1] - one[1]);
}

function segment(place, colour, total) {
  const { node } = place;
  const share = percent(node.slots.heads / total);
  const label = node.name + ": head of " + whole.format(node.slots.heads) + " slots, " + share + ", holds " +
    whole.format(node.slots.copies) + " copies, " + node.health;
  const group = draw("g", { class: node.health === "reached" ? "seg" : "seg out", tabindex: 0, role: "button", "aria-label": label, "data-node": node.name });
  const shape = draw("path", { d: arc(place.from, place.to, RING.inner, RING.outer) });
  shape.style.fill = colour;
  group.append(shape);
  const look = (name) => () => { ring.looked = name; lookAt(); };
  group.addEventListener("pointerenter", look(node.name));
  group.addEventListener("pointerleave", look(null));
  group.addEventListener("focus", look(node.name));
  group.addEventListener("blur", look(null));
  group.addEventListener("click", () => { ring.pinned = ring.pinned === node.name ? null : node.name; lookAt(); });
  group.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" && event.key !== " ") return;
    event.preventDefault();
    ring.pinned = ring.pinned === node.name ? null : node.name;
    lookAt();
  });
  return group;
}

function drawRing(status) {
  ring.status = status;
  const nodes = status.nodes, of = colours(nodes);
  const look = nodes.map((node) => [node.name, node.slots, node.health]);
  const focused = document.activeElement && document.activeElement.dataset ? document.activeElement.dataset.node : null;
  fill(byId("ring"), look, () => {
    const svg = draw("svg", { viewBox: "0 0 " + RING.size + " " + RING.size, role: "group", "aria-label": "The slots of each node" });
    svg.append(draw("circle", { cx: RING.size / 2, cy: RING.size / 2, r: (RING.inner + RING.outer) / 2, fill: "none", "stroke-width": RING.outer - RING.inner, class: "grid-ring" }));
    svg.lastChild.style.stroke = "var(--track)";
    for (const place of places(nodes)) {
      if (place.to > place.from) svg.append(segment(place, of.get(place.node.name), status.slots.total));
    }
    svg.append(draw("g", { class: "chords" }), draw("g", { class: "middle" }));
    return [svg];
  });
  if (focused) {
    const again = [...byId("ring").querySelectorAll(".seg")].find((element) => element.dataset.node === focused);
    if (again && document.activeElement !== again) again.focus();
  }
  lookAt();
}

function middle(lines) {
  const group = byId("ring").querySelector(".middle");
  const top = RING.size / 2 - (lines.length - 1) * 8;
  fill(group, lines, () => lines.map((line, at) => {
    const text = draw("text", { x: RING.size / 2, y: top + at * 17 + 4, "text-anchor": "middle", class: at === 0 ? "ring-name" : "ring-text" });
    text.textContent = line.length > 24 ? line.slice(0, 23) + "…" : line;
    return text;
  }));
}

// Shows what a node has with the others, in the ring and in the table.
function lookAt() {
  const status = ring.status;
  if (!status) return;
  const name = ring.looked || ring.pinned;
  const node = status.nodes.find((known) => known.name === name);
  const svg = byId("ring").querySelector("svg");
  svg.classList.toggle("looks", Boolean(node));
  svg.querySelectorAll(".seg").forEach((element) => element.classList.toggle("on", element.dataset.node === name));
  byId("nodes").querySelectorAll("tr").forEach((row) => row.classList.toggle("on", Boolean(node) && row.dataset.node === name));
  const chords = svg.querySelector(".chords");
  if (!node) {
    chords.replaceChildren();
    const { copies } = { copies: status.cluster.replicas };
    middle([whole.format(status.slots.total) + " slots", copies === 1 ? "one copy of each" : copies + " copies of each", "epoch " + status.cluster.epoch]);
    return setText(byId("ring-sub"), "Point at a node to see its chains");
  }
  const of = colours(status.nodes), at = new Map(places(status.nodes).map((place) => [place.node.name, place]));
  const shared = partners(status.chains, name);
  const most = Math.max(1, ...shared.map(([, slots]) => slots));
  chords.replaceChildren(...shared.flatMap(([other, slots]) => {
    const [one, two] = [at.get(name), at.get(other)];
    if (!one || !two || two.to <= two.from) return [];
    const centre = RING.size / 2 + " " + RING.size / 2;
    const chord = draw("path", { class: "chord", d: "M" + point(one.middle, RING.inner - 3) + "Q" + centre + " " + point(two.middle, RING.inner - 3), "stroke-width": 1 + (4 * slots) / most });
    chord.style.stroke = of.get(other);
    return [chord];
  }));
  middle([node.name, "head of " + whole.format(node.slots.heads) + " · " + percent(node.slots.heads / status.slots.total), whole.format(node.slots.copies) + " copies in sync", node.slots.joining ? whole.format(node.slots.joining) + " joining" : "weight " + node.weight]);
  const [first] = shared;
  setText(byId("ring-sub"), first ? "Shares most chains with " + first[0] + " (" + whole.format(first[1]) + ")" : "Shares no chain with another node");
}
