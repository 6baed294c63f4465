/* The choice of runs, which all parts of the page follow, and the groups that they make. */
const MOST_DRAWN = 12; // groups in charts
const MOST_NAMED = 12; // groups with buttons of their own
const MOST_BOXES = 12; // values of a number that are ticked one by one

const fields = data.fields.map((field, at) => ({ ...field, at }));
const facets = fields.filter((field) => field.role === "option" || field.role === "run");
const textOf = (value) => (value === null ? "none" : String(value));
const valuesOf = (run, field) => [run.facts[field.at]].flat(); // a run may have several tags
const names = data.runs.map((run) => `${run.name} ${data.variants[run.variant].name}`.toLowerCase());

let groups = []; // that have a run, those that are pinned first
let drawn = []; // of them, in charts
let chosen = new Set(); // numbers of runs
let shownVariants = new Set();

const isHidden = (group) => state.hidden.includes(group.name);
const within = ([low, high], value) =>
  typeof value === "number" && (low === null || value >= low) && (high === null || value <= high);

const passes = (run, r) => names[r].includes(state.search.trim().toLowerCase()) && facets.every((field) => {
  const only = state.only[field.id], range = state.range[field.id];
  if (!only && !range) return true;
  const values = valuesOf(run, field);
  return (!only || values.some((value) => only.includes(textOf(value)))) && (!range || within(range, values[0]));
});

const grouping = () => facets.find((field) => field.id === state.group);

const allGroups = () => {
  const field = grouping();
  if (!field) {
    const found = data.variants.map(({ name, color }, v) => ({ name, color, variant: v, runs: [] }));
    data.runs.forEach((run, r) => found[run.variant].runs.push(r));
    return found;
  }
  const found = new Map();
  data.runs.forEach((run, r) => {
    for (const value of valuesOf(run, field)) {
      if (!found.has(value)) found.set(value, []);
      found.get(value).push(r);
    }
  });
  return [...found].sort(([a], [b]) => byValue(a, b)).map(([value, runs], i) => (
    { name: `${field.title} ${textOf(value)}`, color: data.palette[i % data.palette.length], runs }
  ));
};

const choose = () => {
  const pass = data.runs.map(passes);
  groups = allGroups().map((group) => {
    const pinned = state.pinned.includes(group.name);
    return { ...group, pinned, runs: pinned ? group.runs : group.runs.filter((r) => pass[r]) };
  }).filter((group) => group.runs.length);
  groups.sort((a, b) => b.pinned - a.pinned);
  const visible = groups.filter((group) => !isHidden(group));
  drawn = visible.slice(0, MOST_DRAWN);
  chosen = new Set(visible.flatMap((group) => group.runs));
  shownVariants = new Set([...chosen].map((r) => data.runs[r].variant));
};

const followers = []; // what is to be drawn anew when the choice changes
const follow = () => {
  choose();
  showChoice();
  followers.forEach((act) => act());
};
const changed = () => { follow(); remember(); };

/* The buttons of groups, and what the filter leaves. */
const toggled = (list, name) => (list.includes(name) ? list.filter((other) => other !== name) : [...list, name]);

const groupButtons = (group) => {
  const label = make("bdi", {}, group.name);
  const show = button(swatch(group.color), () => { state.hidden = toggled(state.hidden, group.name); changed(); }, {
    "aria-pressed": String(!isHidden(group)), "data-show": group.name, title: "show or hide",
  });
  show.append(label);
  const pin = button("pin", () => { state.pinned = toggled(state.pinned, group.name); changed(); }, {
    "aria-pressed": String(group.pinned), "aria-label": `pin ${group.name}`, "data-pin": group.name, class: "pin",
    title: "pin: first, whatever the filter says",
  });
  return make("span", { class: "pair" }, show, pin);
};

const filters = () => [
  ...(state.search.trim() ? [{ id: "search", text: state.search }] : []),
  ...Object.entries(state.only).map(([id, values]) => ({ id, text: values.join(" or ") })),
  ...Object.entries(state.range).map(([id, [low, high]]) => ({ id, text: `${low ?? ""} to ${high ?? ""}` })),
];

const chip = ({ id, text }) => {
  const title = fields.find((field) => field.id === id)?.title ?? id;
  return button(`${title}: ${text} ×`, () => {
    delete state.only[id];
    delete state.range[id];
    if (id === "search") byId("search").value = state.search = "";
    buildFacets();
    changed();
    byId("filters").querySelector("summary").focus();
  }, { class: "chip", "aria-label": `remove the filter ${title}: ${text}` });
};

const showChoice = () => {
  if (!byId("choice")) return;
  const kept = document.activeElement?.dataset; // the button that was pressed is made anew
  const [shown, pinned] = [kept?.show, kept?.pin];
  byId("legend").replaceChildren(...groups.slice(0, MOST_NAMED).map(groupButtons));
  for (const made of byId("legend").querySelectorAll("button")) {
    const { show, pin } = made.dataset;
    if ((shown !== undefined && show === shown) || (pinned !== undefined && pin === pinned)) made.focus();
  }
  const more = groups.length - MOST_NAMED;
  if (more > 0) byId("legend").append(make("small", {}, `and ${more} more`));
  byId("chips").replaceChildren(...filters().map(chip));
  byId("chosen").textContent =
    `${chosen.size} of ${data.runs.length} runs, ${shownVariants.size} of ${data.variants.length} variants`;
  const undrawn = groups.filter((group) => !isHidden(group)).length - drawn.length;
  byId("undrawn").hidden = undrawn <= 0;
  byId("undrawn").textContent =
    `The first ${drawn.length} are in charts, ${undrawn} are not: filter, group or pin to see others.`;
};

/* The boxes of the filter, made when it is first opened. */
const boxes = (field, values) => values.map((value) => {
  const box = make("input", { type: "checkbox" });
  box.checked = state.only[field.id]?.includes(textOf(value)) ?? false;
  box.addEventListener("change", () => {
    const only = toggled(state.only[field.id] ?? [], textOf(value));
    if (only.length) state.only[field.id] = only; else delete state.only[field.id];
    changed();
  });
  return make("label", {}, box, make("bdi", {}, textOf(value)));
});

const ends = (field, values) => ["from", "to"].map((word, end) => {
  const box = make("input", {
    type: "number", step: "any", placeholder: String(values.at(end ? -1 : 0)), "aria-label": `${field.title} ${word}`,
  });
  box.value = state.range[field.id]?.[end] ?? "";
  box.addEventListener("input", () => {
    const range = [...(state.range[field.id] ?? [null, null])];
    range[end] = box.value === "" ? null : Number(box.value);
    if (range.some((value) => value !== null)) state.range[field.id] = range; else delete state.range[field.id];
    changed();
  });
  return make("label", {}, word, box);
});

const buildFacets = () => {
  byId("facets").replaceChildren(...facets.map((field) => {
    const values = [...new Set(data.runs.flatMap((run) => valuesOf(run, field)))].sort(byValue);
    if (values.length < 2 && field.role === "run" && !field.list) return "";
    const known = values.filter((value) => value !== null);
    const controls = field.number && values.length > MOST_BOXES ? ends(field, known) : boxes(field, values);
    return make("fieldset", {}, make("legend", {}, make("bdi", {}, field.title)), make("div", {}, ...controls));
  }));
};

if (byId("choice")) {
  byId("filters").addEventListener("toggle", buildFacets, { once: true });
  byId("filters").addEventListener("toggle", () => { state.open = byId("filters").open; remember(); });
  byId("filters").open = state.open;
  const search = byId("search");
  search.value = state.search;
  search.addEventListener("input", () => { state.search = search.value; changed(); });
  byId("group").append(make("option", { value: "" }, "variant"), ...facets.map((field) => make("option", { value: field.id }, field.title)));
  byId("group").value = grouping() ? state.group : "";
  byId("group").addEventListener("change", () => { state.group = byId("group").value; changed(); });
  byId("all").addEventListener("click", () => {
    Object.assign(state, { only: {}, range: {}, search: "", hidden: [], pinned: [], group: "" });
    search.value = byId("group").value = "";
    buildFacets();
    changed();
  });
}
