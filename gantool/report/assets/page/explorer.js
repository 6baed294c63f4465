/* Scores against options: a scatter, parallel coordinates, what explains a score, groups in figures. */
const HEIGHT = 300; // pixels of a picture
const MOST_AXES = 8; // of parallel coordinates, the score's among them
const MOST_TICKS = 12; // of words on an axis
const WIDE = 50; // greatest over least from which an axis is logarithmic

const measures = fields.filter((field) => field.role === "score" || field.role === "cost");
const numberOf = (field, r) => {
  const value = data.runs[r].facts[field.at];
  return typeof value === "number" && Number.isFinite(value) ? value : null;
};

/* A scale from a field's values to [0, 1], of numbers or of words. */
const scaleOf = (field) => {
  const values = [...new Set(data.runs.flatMap((run) => valuesOf(run, field)).filter((value) => value !== null))].sort(byValue);
  if (!field.number) {
    const places = new Map(values.map((value, i) => [value, (i + 0.5) / values.length]));
    const every = Math.ceil(values.length / MOST_TICKS);
    const ticks = values.filter((_, i) => i % every === 0).map((value) => [places.get(value), textOf(value)]);
    return { at: (value) => places.get(value) ?? null, ticks, words: "" };
  }
  const [low, high] = [values[0] ?? 0, values.at(-1) ?? 1];
  const logarithmic = low > 0 && high / low > WIDE;
  const turn = logarithmic ? Math.log10 : (value) => value;
  const span = turn(high) - turn(low) || 1;
  const at = (value) => (value === null ? null : 0.04 + (0.92 * (turn(value) - turn(low))) / span);
  const ticks = low === high ? [low] : [0, 0.25, 0.5, 0.75, 1].map((share) => {
    const value = turn(low) + share * span;
    return logarithmic ? 10 ** value : value;
  });
  return { at, ticks: ticks.map((value) => [at(value), figure(value)]), words: logarithmic ? ", logarithmic" : "" };
};
const scales = new Map();
const scale = (field) => scales.get(field.id) ?? scales.set(field.id, scaleOf(field)).get(field.id);

const clipped = (text, most = 16) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);
const colorsOfRuns = () => {
  const colors = new Map();
  for (const group of groups) if (!isHidden(group)) for (const r of group.runs) if (!colors.has(r)) colors.set(r, group.color);
  return colors;
};

const showScatter = (score, against) => {
  const place = byId("scatter");
  const width = Math.max(280, place.clientWidth);
  const [left, bottom] = [64, 44], [w, h] = [width - left - 14, HEIGHT - bottom - 8];
  const [x, y] = [scale(against), scale(score)];
  const middle = left + w / 2;
  const picture = draw("svg", { viewBox: `0 0 ${width} ${HEIGHT}`, width, height: HEIGHT, role: "img" });
  for (const [at, text] of y.ticks) {
    const top = 8 + h * (1 - at);
    picture.append(
      draw("line", { x1: left, x2: left + w, y1: top, y2: top, class: "rule" }),
      draw("text", { x: left - 6, y: top + 4, "text-anchor": "end" }, text),
    );
  }
  for (const [at, text] of x.ticks) {
    picture.append(draw("text", { x: left + w * at, y: HEIGHT - bottom + 16, "text-anchor": "middle" }, clipped(text)));
  }
  picture.append(draw("text", { x: middle, y: HEIGHT - 6, "text-anchor": "middle", class: "name" }, `${against.title}${x.words}`));
  let count = 0;
  for (const [r, color] of colorsOfRuns()) {
    const value = numberOf(score, r);
    const [cx, cy] = [x.at(data.runs[r].facts[against.at]), y.at(value)];
    if (cx === null || cx === undefined || cy === null) continue;
    count += 1;
    // Runs at one word would hide each other: each has a fixed place a little beside it.
    const beside = against.number ? 0 : (((r * 0.618) % 1) - 0.5) * Math.min(24, (w / Math.max(1, x.ticks.length)) * 0.5);
    const words = `${data.runs[r].name}: ${score.title} ${figure(value)}, ${against.title} ${textOf(data.runs[r].facts[against.at])}`;
    const dot = draw("circle", { cx: left + w * cx + beside, cy: 8 + h * (1 - cy), r: 4.5, fill: color }, draw("title", {}, words));
    dot.addEventListener("click", () => takePair(r));
    picture.append(dot);
  }
  picture.setAttribute("aria-label", `${score.title} against ${against.title} of ${count} runs; the table of runs has the figures`);
  place.replaceChildren(picture);
};

const axesFor = (score) => {
  const ranked = (data.explained[score.title] ?? []).map(({ options }) => options[0]);
  const options = facets.filter((field) => field.role === "option");
  const order = (field) => (ranked.includes(field.title) ? ranked.indexOf(field.title) : ranked.length);
  return [...options.sort((a, b) => order(a) - order(b)).slice(0, MOST_AXES - 1), score];
};

const showParallel = (score) => {
  const place = byId("parallel");
  const axes = axesFor(score);
  byId("parallel-box").hidden = axes.length < 3;
  if (axes.length < 3) return;
  const width = Math.max(byId("parallel-box").clientWidth, axes.length * 96);
  const [top, h] = [26, HEIGHT - 40];
  const at = (i) => 60 + ((width - 130) * i) / (axes.length - 1);
  const down = (share) => top + h * (1 - share);
  const picture = draw("svg", { viewBox: `0 0 ${width} ${HEIGHT}`, width, height: HEIGHT, role: "img" });
  picture.setAttribute("aria-label", `each run as a line through ${axes.map(({ title }) => title).join(", ")}`);
  for (const [r, color] of colorsOfRuns()) {
    const points = axes.map((field, i) => [at(i), scale(field).at(data.runs[r].facts[field.at])]);
    const known = points.filter(([, share]) => share !== null && share !== undefined);
    const line = draw("polyline", { points: known.map(([x, share]) => `${x.toFixed(1)},${down(share).toFixed(1)}`).join(" "), stroke: color });
    line.append(draw("title", {}, data.runs[r].name));
    picture.append(line);
  }
  axes.forEach((field, i) => {
    picture.append(
      draw("line", { x1: at(i), x2: at(i), y1: top, y2: top + h, class: "axis" }),
      draw("text", { x: at(i), y: 14, "text-anchor": "middle", class: "name" }, clipped(field.title, 20)),
    );
    const { ticks } = scale(field);
    for (const [share, text] of field.number ? [ticks[0], ticks.at(-1)] : ticks) {
      picture.append(draw("text", { x: at(i) + 5, y: down(share) + 4 }, clipped(text, 12)));
    }
  });
  place.replaceChildren(picture);
};

const row = (heading, cells) =>
  make("tr", {}, make("th", { scope: "row" }, heading), ...cells.map((cell) => make("td", {}, cell)));

const showGroups = (score) => {
  byId("groups").replaceChildren(...groups.filter((group) => !isHidden(group)).map((group) => {
    const values = group.runs.map((r) => numberOf(score, r)).filter((value) => value !== null);
    const [n, total] = [values.length, values.reduce((a, b) => a + b, 0)];
    const mean = n ? total / n : null;
    const deviation = n > 1 ? Math.sqrt(values.reduce((a, b) => a + (b - mean) ** 2, 0) / (n - 1)) : null;
    const reach = n > 1 ? (data.t[n - 2] * deviation) / Math.sqrt(n) : null;
    const heading = make("span", {}, swatch(group.color), make("bdi", {}, group.name));
    return row(heading, [
      String(n), figure(mean), figure(deviation), n > 1 ? `${figure(mean - reach)} to ${figure(mean + reach)}` : "-",
      n ? figure(Math.min(...values)) : "-", n ? figure(Math.max(...values)) : "-",
    ]);
  }));
};

const percent = (share) => `${Math.round(100 * share)}%`;
const showExplained = (score) => {
  const found = data.explained[score.title] ?? [];
  byId("explained-box").hidden = !found.length;
  byId("explained").replaceChildren(...found.map(({ options, n, values, share, correlation, p }) => {
    const told = share === null ? "too few to say" : p < 0.05 ? "goes along with it" : "no more than chance";
    return row(make("bdi", {}, options.join(", ")), [
      String(values), String(n), share === null ? "-" : percent(share), correlation === null ? "-" : correlation.toFixed(2),
      p === null ? "-" : p < 0.001 ? "< 0.001" : p.toFixed(3), told,
    ]);
  }));
};

const picked = (id, list) => list.find((field) => field.id === id) ?? list[0];
const showExplorer = () => {
  const score = picked(state.score, measures);
  const against = picked(state.against ?? data.against, fields.filter((field) => !field.list));
  showGroups(score);
  showExplained(score);
  showScatter(score, against);
  showParallel(score);
};

if (byId("explorer")) {
  const options = (list) => list.map((field) => make("option", { value: field.id }, field.title));
  byId("score").append(...options(measures));
  byId("against").append(...options(fields.filter((field) => !field.list)));
  for (const [id, list] of [["score", measures], ["against", fields]]) {
    byId(id).value = picked(state[id] ?? data[id], list).id;
    byId(id).addEventListener("change", () => { state[id] = byId(id).value; remember(); showExplorer(); });
  }
  followers.push(whenSeen(byId("explorer"), showExplorer));
  addEventListener("resize", showExplorer);
}
