/* Two runs side by side: what differs, and their sample grids at one step. */
let turn = 0;

const takePair = (r) => {
  state.pair[turn] = data.runs[r].key;
  turn = 1 - turn;
  remember();
  showPair();
};

const pairOf = () => [0, 1].map((side) => {
  const found = data.runs.findIndex((run) => run.key === state.pair[side]);
  return found >= 0 ? found : firstOf(side);
});
const firstOf = (variant) => {
  const found = data.runs.findIndex((run) => run.variant === variant);
  return found >= 0 ? found : Math.min(variant, data.runs.length - 1);
};

const showPair = () => {
  if (!byId("pair")) return;
  const pair = pairOf();
  const both = pair.map((r) => sheets.find((sheet) => sheet.number === r));
  const steps = [...new Set(both.flatMap((sheet) => sheet?.frames.map((frame) => frame.step) ?? []))].sort((a, b) => a - b);
  const slider = byId("pair-when");
  slider.max = String(Math.max(0, steps.length - 1));
  slider.disabled = steps.length < 2;
  const at = steps.findLastIndex((step) => step <= (state.moment ?? Infinity));
  slider.value = String(Math.max(0, at));
  const moment = steps[Math.max(0, at)] ?? 0;
  byId("pair-text").textContent = steps.length ? `step ${figure(moment)}` : "";
  slider.setAttribute("aria-valuetext", `step ${figure(moment)}`);
  slider.dataset.steps = JSON.stringify(steps);
  pair.forEach((r, side) => {
    byId(`pair-${side}`).value = String(r);
    const frame = both[side] && frameOf(both[side], "step", moment);
    const name = data.runs[r].name;
    const picture = frame?.picture
      ? make("img", { src: frame.picture, alt: `samples of ${name}, step ${figure(frame.step)}` })
      : make("div", { class: "missing" }, both[side] ? "no sample grid yet" : "its grids are not in this page");
    const words = make("figcaption", {}, make("bdi", {}, name), make("small", {}, frame ? `step ${figure(frame.step)}` : ""));
    byId(`pair-picture-${side}`).replaceChildren(words, picture);
  });
  showDifferences(pair);
};

const showDifferences = (pair) => {
  const [a, b] = pair.map((r) => data.runs[r]);
  const differing = fields.filter(({ at }) => textOf(a.facts[at]) !== textOf(b.facts[at]));
  byId("pair-rows").replaceChildren(...differing.map((field) => {
    const text = (run) => (field.number ? figure(run.facts[field.at]) : make("bdi", {}, textOf(run.facts[field.at])));
    const exact = (run) => (field.role === "option" ? textOf(run.facts[field.at]) : text(run));
    return row(make("bdi", {}, field.title), [exact(a), exact(b)]);
  }));
  byId("pair-same").textContent = a === b ? "It is the same run twice." : "All other options are the same.";
  [a, b].forEach((run, side) => { byId(`pair-name-${side}`).textContent = run.name; });
};

if (byId("pair")) {
  for (const side of [0, 1]) {
    byId(`pair-${side}`).append(...data.runs.map((run, r) => make("option", { value: r }, run.name)));
    byId(`pair-${side}`).addEventListener("change", () => {
      state.pair[side] = data.runs[byId(`pair-${side}`).value].key;
      remember();
      showPair();
    });
  }
  byId("pair-when").addEventListener("input", () => {
    state.moment = JSON.parse(byId("pair-when").dataset.steps)[byId("pair-when").value] ?? null;
    remember();
    showPair();
  });
}
