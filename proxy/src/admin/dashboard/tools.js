// Elements and numbers. Whatever comes from the cluster is set as text, never as HTML.
const byId = (id) => document.getElementById(id);

function make(tag, props = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "class") element.className = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

function draw(tag, attributes = {}, ...children) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

// Replaces what is in an element only if it is to look otherwise, so that what has the focus keeps it.
function fill(element, look, children) {
  const key = JSON.stringify(look);
  if (element.dataset.look === key) return;
  element.dataset.look = key;
  element.replaceChildren(...children());
}

const whole = new Intl.NumberFormat("en");

function count(value) {
  if (value === null || value === undefined) return "–";
  if (value < 10000) return whole.format(Math.round(value));
  for (const [size, unit] of [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"]]) {
    if (value >= size) return (value / size).toFixed(value / size < 100 ? 1 : 0) + unit;
  }
  return String(value);
}

function bytes(value) {
  if (value === null || value === undefined) return "–";
  for (const [shift, unit] of [[2 ** 40, "TiB"], [2 ** 30, "GiB"], [2 ** 20, "MiB"], [2 ** 10, "KiB"]]) {
    if (value >= shift) return (value / shift).toFixed(value / shift < 10 ? 1 : 0) + " " + unit;
  }
  return Math.round(value) + " B";
}

function micros(value) {
  if (value === null || value === undefined) return "–";
  if (value < 1000) return value + " µs";
  if (value < 1e6) return (value / 1000).toFixed(value < 10000 ? 1 : 0) + " ms";
  return (value / 1e6).toFixed(1) + " s";
}

const percent = (share, digits = 1) =>
  share === null || share === undefined ? "–" : (100 * share).toFixed(digits) + "%";

function span(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  if (seconds < 60) return Math.round(seconds) + " s";
  if (seconds < 3600) return Math.round(seconds / 60) + " min";
  if (seconds < 86400) return Math.floor(seconds / 3600) + " h " + Math.round((seconds % 3600) / 60) + " min";
  return Math.floor(seconds / 86400) + " d " + Math.floor((seconds % 86400) / 3600) + " h";
}

// The colour of a node stays its own while the list of names does.
function colours(nodes) {
  const of = new Map();
  nodes.forEach((node, at) => of.set(node.name, "var(--n" + (at % 10) + ")"));
  return of;
}
