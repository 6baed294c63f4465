/* Sample grids, all at one moment. */
byId("sheets").classList.toggle("points", data.noun === "points");

const put = (sheet, source, text) => {
  if (sheet.now === source) return;
  sheet.now = source;
  if (source === null) {
    sheet.place.replaceChildren(make("div", { class: "missing" }, "missing"));
  } else {
    const image = sheet.place.querySelector("img") || document.createElement("img");
    image.alt = text;
    image.src = source;
    if (!image.parentNode) sheet.place.replaceChildren(image);
  }
};

const frameOf = (sheet, axis, moment) => sheet.frames.filter((frame) => frame[axis] <= moment).at(-1);

const sheets = data.sheets.map((sheet) => {
  const [caption, place] = [make("figcaption"), make("div")];
  const element = make("figure", { class: sheet.noun }, caption, place);
  byId("sheets").append(element);
  return { ...sheet, element, caption, place, now: undefined };
});

// One picture of real images for each way they are laid out and each data set; of several each says whose way.
const layouts = Map.groupBy(sheets, (sheet) => sheet.real);
const reals = [...layouts].map(([source, alike]) => {
  const place = make("div");
  const noun = alike[0].noun;
  const names = [...new Set(alike.map((sheet) => data.variants[data.runs[sheet.number].variant].name))];
  const those = names.length > 3 ? `${names.length} variants` : names.join(", ");
  const whose = layouts.size > 1 ? [make("small", {}, `laid out as those of ${those}`)] : [];
  const element = make("figure", { class: `real ${noun}` }, make("figcaption", {}, `real ${noun}`, ...whose), place);
  byId("sheets").prepend(element);
  put({ place, now: undefined }, source, `real ${noun}`);
  return element;
});

let moments = [];
const timeline = () => {
  const all = sheets.flatMap((sheet) => sheet.frames.map((frame) => frame[state.axis])).filter((x) => x !== null);
  moments = [...new Set(all)].sort((a, b) => a - b);
  const slider = byId("when");
  slider.max = String(Math.max(0, moments.length - 1));
  slider.disabled = moments.length < 2;
  let index = moments.length - 1;
  if (state.when && state.when.axis === state.axis) {
    while (index > 0 && moments[index] > state.when.at) index--;
  }
  slider.value = String(Math.max(0, index));
};

/* The grids of each group that is shown: of one run, or of all that have some. */
const shownSheets = () => {
  const found = new Map();
  for (const group of groups) {
    if (isHidden(group)) continue;
    const having = sheets.filter((sheet) => group.runs.includes(sheet.number));
    for (const sheet of state.seeds ? having : having.slice(0, 1)) found.set(sheet, group);
  }
  return found;
};

const showSheets = () => {
  const moment = moments[Number(byId("when").value)] ?? 0;
  const words = `${axisNames[state.axis]} ${figure(moment)}`;
  byId("when-text").textContent = sheets.every((sheet) => sheet.elsewhere) ? "" : words;
  byId("when").setAttribute("aria-valuetext", words);
  const shown = shownSheets();
  for (const sheet of sheets) {
    const group = shown.get(sheet);
    sheet.element.hidden = !group;
    if (!group) continue;
    const frame = frameOf(sheet, state.axis, moment);
    const drawnAt = sheet.elsewhere ? "drawn elsewhere" : `step ${frame ? figure(frame.step) : "none"}`;
    const variant = data.variants[data.runs[sheet.number].variant].name;
    const member = [group.variant === undefined ? variant : "", sheet.seed === null ? "" : `seed ${sheet.seed}`];
    const detail = [...member, frame ? drawnAt : "no sample grid yet"].filter(Boolean).join(", ");
    sheet.caption.replaceChildren(swatch(group.color), make("bdi", {}, group.name), make("small", {}, detail));
    put(sheet, frame ? frame.picture : null, `samples of ${variant}, ${drawnAt}`);
  }
  const ordered = [...shown.keys()].map((sheet) => sheet.element); // pinned ones first
  const now = [...byId("sheets").children].filter((element) => !element.hidden && !reals.includes(element));
  if (ordered.some((element, i) => element !== now[i])) byId("sheets").append(...ordered);
  for (const element of reals) element.hidden = !state.real;
};
followers.push(showSheets);

let playing = null;
const play = (on) => {
  clearInterval(playing);
  playing = null;
  byId("play").setAttribute("aria-pressed", String(on));
  byId("play").textContent = on ? "Stop" : "Play";
  if (!on) return;
  const slider = byId("when");
  if (slider.value === slider.max) slider.value = "0";
  showSheets();
  playing = setInterval(() => {
    if (Number(slider.value) >= Number(slider.max)) { play(false); return; }
    slider.value = String(Number(slider.value) + 1);
    showSheets();
  }, 450);
};
byId("when").addEventListener("input", () => {
  state.when = { axis: state.axis, at: moments[Number(byId("when").value)] ?? 0 };
  remember();
  showSheets();
});
byId("play").addEventListener("click", () => play(playing === null));
