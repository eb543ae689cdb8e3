// Sparklines: a minute of one or two series, with the greatest value told.
const WIDTH = 300, HEIGHT = 60;

function path(values, most, closed) {
  let text = "", begun = false, first = 0, last = 0;
  values.forEach((value, at) => {
    const x = values.length < 2 ? WIDTH : (at / (values.length - 1)) * WIDTH;
    if (value === null || value === undefined) { if (!closed) begun = false; return; }
    const y = HEIGHT - (Math.min(value, most) / most) * (HEIGHT - 4) - 1;
    if (!begun && text === "") first = x;
    text += (begun ? "L" : "M") + x.toFixed(1) + " " + y.toFixed(1);
    begun = true;
    last = x;
  });
  if (closed && text) text += "L" + last.toFixed(1) + " " + HEIGHT + "L" + first.toFixed(1) + " " + HEIGHT + "Z";
  return text;
}

// The next round number above.
function round(value) {
  if (value <= 0) return 1;
  const ten = 10 ** Math.floor(Math.log10(value));
  return [1, 1.5, 2, 3, 5, 7.5, 10].map((step) => step * ten).find((step) => step >= value * 0.999);
}

// A minute always has the same width, also when it has only begun.
function padded(values) {
  return values.length >= 60 ? values.slice(-60) : [...Array(60 - values.length).fill(null), ...values];
}

function chart(element, label, series, options = {}) {
  const all = series.map(padded);
  const known = all.flat().filter((value) => value !== null && value !== undefined);
  const most = options.most || round(Math.max(0, ...known));
  if (!element.firstChild) {
    const svg = draw("svg", { viewBox: "0 0 " + WIDTH + " " + HEIGHT, preserveAspectRatio: "none", class: "chart", role: "img" });
    svg.append(draw("line", { class: "grid", x1: 0, x2: WIDTH, y1: 1, y2: 1 }), draw("line", { class: "grid", x1: 0, x2: WIDTH, y1: HEIGHT, y2: HEIGHT }));
    series.forEach((_, at) => {
      const second = at > 0 ? " b" : "";
      svg.append(draw("path", { class: "area" + second }), draw("path", { class: "line" + second }));
    });
    element.append(svg, make("div", { class: "axis" }, make("span"), make("span")));
  }
  const [svg, axis] = element.children;
  const paths = svg.querySelectorAll("path");
  all.forEach((values, at) => {
    paths[2 * at].setAttribute("d", at > 0 ? "" : path(values, most, true));
    paths[2 * at + 1].setAttribute("d", path(values, most, false));
  });
  const show = options.show || count;
  svg.setAttribute("aria-label", known.length ? label + " over the last minute, at most " + show(Math.max(...known)) : label + ": nothing yet");
  setText(axis.children[0], "60 s");
  setText(axis.children[1], "top " + show(most));
}
