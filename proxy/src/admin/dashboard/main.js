// Asks for /status.json once a second while somebody looks, and shows what it says.
const EVERY_MS = 1000, PATIENCE_MS = 3000, KEY = "ringmaster-token";
const seen = { hits: [], memory: [], totals: null };
let lastGood = 0, timer = null, isAsking = false;

// The ratio since the last look, which says more than the one since the start.
function note(status) {
  const told = status.nodes.map((node) => node.figures).filter(Boolean);
  const sum = (of) => told.reduce((total, figures) => total + (figures[of] || 0), 0);
  const totals = { hits: sum("hits"), misses: sum("misses") };
  const before = seen.totals;
  if (before) {
    const hits = totals.hits - before.hits, misses = totals.misses - before.misses;
    seen.hits.push(hits >= 0 && misses >= 0 && hits + misses > 0 ? hits / (hits + misses) : null);
    seen.memory.push(told.length ? sum("used_memory") : null);
    for (const kept of [seen.hits, seen.memory]) if (kept.length > 60) kept.shift();
  }
  seen.totals = totals;
  return { totals, used: sum("used_memory"), most: sum("maxmemory"), keys: sum("keys"), evicted: sum("evicted_keys"), told: told.length };
}

function showTiles(status) {
  const figures = note(status), seconds = status.history;
  const last = seconds[seconds.length - 1];
  fill(byId("t-commands"), last ? last.commands : null, () => [last ? count(last.commands) : "–", make("small", {}, " commands/s")]);
  setText(byId("t-traffic"), last ? bytes(last.input_bytes) + "/s in · " + bytes(last.output_bytes) + "/s out" + (last.refused ? " · " + count(last.refused) + " refused/s" : "") : "");
  chart(byId("c-commands"), "Commands a second", [seconds.map((second) => second.commands)]);
  const timed = seconds.filter((second) => second.p50_us !== null).pop();
  fill(byId("t-latency"), timed || null, () => timed ? [micros(timed.p50_us), make("small", {}, " p50"), micros(timed.p99_us), make("small", {}, " p99")] : ["–"]);
  setText(byId("t-samples"), timed ? "of " + count(timed.samples) + " commands that were looked at" : "no command was looked at yet");
  chart(byId("c-latency"), "Latency", [seconds.map((second) => second.p50_us), seconds.map((second) => second.p99_us)], { show: micros });
  const recent = seen.hits.filter((ratio) => ratio !== null).pop();
  const all = figures.totals.hits + figures.totals.misses;
  const ratio = recent !== undefined ? recent : all ? figures.totals.hits / all : null;
  setText(byId("t-hits"), percent(ratio));
  setText(byId("t-misses"), all ? percent(figures.totals.hits / all) + " since the start" : "no read yet");
  chart(byId("c-hits"), "Hit ratio", [seen.hits], { most: 1, show: (value) => percent(value, 0) });
  fill(byId("t-memory"), [figures.told, bytes(figures.used), figures.most], () => figures.told ? [bytes(figures.used), make("small", {}, figures.most ? " of " + bytes(figures.most) : "")] : ["–"]);
  setText(byId("t-keys"), figures.told ? count(figures.keys) + " keys with copies · " + count(figures.evicted) + " evicted" : "no node answers");
  chart(byId("c-memory"), "Memory", [seen.memory], { most: figures.most || undefined, show: bytes });
}

function show(status) {
  byId("ask").hidden = true;
  byId("away").hidden = true;
  byId("main").hidden = false;
  byId("main").classList.remove("stale");
  for (const part of [showTop, showNotes, showTiles, showNodes, drawRing, showMoves, showFile, showCurve, showHot, showSlow]) part(status);
  document.body.dataset.shown = String(status.at_ms);
}

function showAway(why) {
  const since = lastGood ? " for " + span(Math.max(1, (Date.now() - lastGood) / 1000)) : "";
  setText(byId("away"), "The proxy does not answer" + since + " (" + why + "). It is asked again every second.");
  byId("away").hidden = false;
  byId("main").classList.add("stale");
  byId("state").className = "pill bad";
  setText(byId("state"), "no answer");
}

function askToken(isWrong) {
  sessionStorage.removeItem(KEY);
  byId("wrong").hidden = !isWrong;
  if (!byId("ask").hidden) return;
  byId("main").hidden = true;
  byId("away").hidden = true;
  byId("ask").hidden = false;
  byId("state").className = "pill";
  setText(byId("state"), "locked");
  byId("token").focus();
}

// Whether to go on asking.
async function look() {
  const token = sessionStorage.getItem(KEY), stop = new AbortController();
  const late = setTimeout(() => stop.abort(), PATIENCE_MS);
  try {
    const headers = token ? { Authorization: "Bearer " + token } : {};
    const answer = await fetch("/status.json", { headers, signal: stop.signal, cache: "no-store" });
    if (answer.status === 401) {
      askToken(Boolean(token));
      return false;
    }
    if (!answer.ok) throw new Error("HTTP " + answer.status);
    const status = await answer.json();
    lastGood = Date.now();
    show(status);
  } catch (error) {
    showAway(error.name === "AbortError" ? "no answer within 3 s" : error instanceof TypeError ? "no connection" : error.message);
  } finally {
    clearTimeout(late);
  }
  return true;
}

async function run() {
  clearTimeout(timer);
  timer = null;
  if (document.hidden || isAsking) return;
  const begun = Date.now();
  isAsking = true;
  const goesOn = await look();
  isAsking = false;
  if (goesOn && !document.hidden) timer = setTimeout(run, Math.max(100, EVERY_MS - (Date.now() - begun)));
}

document.addEventListener("visibilitychange", () => {
  if (document.hidden) clearTimeout(timer);
  else if (byId("ask").hidden) run();
});
byId("ask").addEventListener("submit", (event) => {
  event.preventDefault();
  sessionStorage.setItem(KEY, byId("token").value.trim());
  byId("token").value = "";
  run();
});
run();
