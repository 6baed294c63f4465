/* What every part of the page's script shares. page.py puts the files of this folder into one
   function, in the order of its list. */
const data = JSON.parse(document.getElementById("data").textContent);
const byId = (id) => document.getElementById(id);
const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const axisNames = { step: "step", images: `${data.noun} seen`, seconds: "seconds" };

// What the reader has set survives a reload, so that a page that is written anew stays as it was.
const key = "gantool:" + location.pathname;
const recalled = (() => {
  try { return JSON.parse(sessionStorage.getItem(key)) || {}; } catch { return {}; }
})();
const state = {
  axis: "step", smooth: 0.8, log: false, members: true, bands: true, real: true, seeds: false, when: null,
  hidden: [], pinned: [], only: {}, range: {}, search: "", group: "", open: false,
  score: null, against: null, pair: [null, null], moment: null,
  zoom: null, theme: null, scroll: 0, ...recalled,
};
const remember = () => {
  state.scroll = window.scrollY;
  try { sessionStorage.setItem(key, JSON.stringify(state)); } catch { /* a page in a sandbox has no storage */ }
};

const figure = (value) => {
  if (value === null || value === undefined || !Number.isFinite(value)) return "-";
  if (Math.abs(value) >= 1000) return Math.round(value).toLocaleString("en");
  return String(Number(value.toPrecision(3)));
};

/* An element with attributes and children; texts stay texts. */
const make = (tag, attributes = {}, ...children) => fill(document.createElement(tag), attributes, children);
const draw = (tag, attributes = {}, ...children) =>
  fill(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
const fill = (element, attributes, children) => {
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
};
const swatch = (color) => make("span", { class: "swatch", style: `background:${color}` });
const button = (text, act, attributes = {}) => {
  const made = make("button", { type: "button", ...attributes }, text);
  made.addEventListener("click", act);
  return made;
};
/* Of many runs, what is out of sight is drawn when it is seen. */
const MANY = 60;
const whenSeen = (element, act) => {
  let [seen, stale] = [data.runs.length <= MANY, false];
  const draw = () => {
    stale = !seen;
    if (seen) act();
  };
  if (!seen) {
    new IntersectionObserver((entries) => {
      seen = entries.at(-1).isIntersecting;
      if (stale) draw();
    }).observe(element);
    addEventListener("beforeprint", act);
  }
  return draw;
};
const byValue = (a, b) => {
  if (typeof a === "number" && typeof b === "number") return a - b;
  return (typeof b === "number") - (typeof a === "number") || String(a).localeCompare(String(b), "en", { numeric: true });
};
