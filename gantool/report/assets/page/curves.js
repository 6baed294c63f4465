/* Curves: the mean of each group's runs, their spread, and every run. */
const GRID = 300; // points of a chart
const MOST_VALUES = 20_000; // that the ends of an axis are found from

const smoothed = (values) => {
  const decay = state.smooth;
  let total = 0, weight = 0;
  return values.map((value) => {
    if (value === null) return null;
    total = decay * total + (1 - decay) * value;
    weight = decay * weight + (1 - decay);
    return total / weight;
  });
};

const onGrid = (grid, xs, ys) => {
  let i = 0;
  return grid.map((x) => {
    if (!xs.length || x < xs[0] || x > xs[xs.length - 1]) return null;
    while (i < xs.length - 2 && xs[i + 1] < x) i++;
    if (xs.length === 1) return ys[0];
    const [a, b] = [ys[i], ys[i + 1]];
    const span = xs[i + 1] - xs[i];
    if (a === null || b === null) return x - xs[i] < span / 2 ? a : b;
    return span > 0 ? a + ((b - a) * Math.min(1, (x - xs[i]) / span)) : b;
  });
};

const CHARTS = [
  ...data.losses.map(({ id, title }) => ({ id, title, keys: [id] })),
  { id: "answers", title: "D(x) solid, D(G(z)) dashed, and the 1/2 of equilibrium", keys: ["d_real", "d_fake"], scale: "probability" },
  { id: "raw-answers", title: "D's raw outputs: D(x) solid, D(G(z)) dashed", keys: ["d_real", "d_fake"], scale: "raw" },
  ...data.columns
    .filter((column) => data.runs.some((run) => run.scores[column.id]))
    .map((column) => ({ id: column.id, title: `${column.id} ${column.better === "lower" ? "↓" : "↑"}`, score: column.id })),
  ...data.terms.map(({ id, title }) => ({ id: `term-${id}`, title, keys: [id] })),
];

const curve = (run, chart, name) => {
  if (chart.score) {
    const points = run.scores[chart.score] || [];
    return [points.map((point) => point[state.axis]), points.map((point) => point.value)];
  }
  if (chart.scale && chart.scale !== data.variants[run.variant].scale) return [[], []];
  if (!Object.hasOwn(run.series, name)) return [[], []];
  return [run.series[state.axis] || [], run.series[name]];
};

const hasCurve = (run, chart) => (chart.keys || [chart.score]).some((name) => curve(run, chart, name)[0].length);

const faded = (color, part) => `color-mix(in srgb, ${color} ${part}%, transparent)`;
const canvasColor = (() => {
  // A canvas knows no color-mix everywhere; the browser's own answer for an element is always understood.
  const probe = document.createElement("span");
  probe.hidden = true;
  document.body.append(probe);
  return (color) => { probe.style.color = color; return getComputedStyle(probe).color; };
})();

const build = (chart) => {
  const ends = data.runs.map((run) => curve(run, chart, (chart.keys || [])[0])[0].at(-1) ?? 0);
  const end = Math.max(1e-9, ...ends);
  const starts = data.runs.map((run) => curve(run, chart, (chart.keys || [])[0])[0][0] ?? end);
  const start = Math.min(...starts, end);
  const grid = Array.from({ length: GRID }, (_, i) => start + ((end - start) * i) / (GRID - 1));
  const columns = [grid], series = [{ label: axisNames[state.axis] }], bands = [];
  for (const group of drawn) {
    const members = group.runs.map((r) => data.runs[r]);
    (chart.keys || [chart.score]).forEach((name, k) => {
      const dash = k ? [5, 4] : undefined;
      const color = canvasColor(group.color);
      const lines = members
        .map((run) => curve(run, chart, name))
        .filter(([xs]) => xs.length)
        .map(([xs, ys]) => [onGrid(grid, xs, ys), onGrid(grid, xs, chart.score ? ys : smoothed(ys))]);
      if (!lines.length) return;
      if (state.members) {
        for (const [raw] of lines) {
          columns.push(raw);
          series.push({ stroke: canvasColor(faded(group.color, 26)), width: 1, dash, points: { show: false } });
        }
      }
      const mean = [], low = [], high = [];
      grid.forEach((_, i) => {
        const here = lines.map(([, smooth]) => smooth[i]).filter((value) => value !== null);
        const m = here.length ? here.reduce((a, b) => a + b, 0) / here.length : null;
        const spread = here.length > 1
          ? Math.sqrt(here.reduce((a, b) => a + (b - m) ** 2, 0) / (here.length - 1)) : 0;
        mean.push(m);
        low.push(m === null ? null : m - spread);
        high.push(m === null ? null : m + spread);
      });
      if (state.bands && lines.length > 1) {
        columns.push(high, low);
        series.push({ width: 0, points: { show: false } }, { width: 0, points: { show: false } });
        bands.push({ series: [columns.length - 2, columns.length - 1], fill: canvasColor(faded(group.color, 18)) });
      }
      columns.push(mean);
      series.push({
        label: group.name + (chart.keys && chart.keys.length > 1 ? (k ? " D(G(z))" : " D(x)") : ""),
        stroke: color, width: 2, dash, points: { show: false }, named: true, color: group.color,
      });
    });
  }
  return { columns: state.log ? columns.map((c, i) => (i ? c.map((y) => (y > 0 ? y : null)) : c)) : columns, series, bands };
};

const synced = uPlot.sync("curves");
let syncing = false;

const drawChart = (chart) => {
  const { columns, series, bands } = build(chart);
  const place = chart.element.querySelector(".plot");
  chart.plot?.destroy();
  place.replaceChildren();
  const soft = css("--soft"), line = css("--line");
  const axis = { stroke: soft, grid: { stroke: line, width: 1 }, ticks: { stroke: line, width: 1 }, font: "12px system-ui, sans-serif" };
  const half = chart.scale === "probability";
  const logarithmic = state.log && columns.slice(1).some((column) => column.some((y) => y > 0));
  chart.plot = new uPlot(
    {
      width: Math.max(200, place.clientWidth), height: 260, series, bands,
      legend: { show: false },
      cursor: { sync: { key: synced.key }, drag: { x: true, y: false }, points: { show: false } },
      scales: {
        x: { time: false },
        y: logarithmic ? { distr: 3 } : half ? { range: [-0.02, 1.02] } : { range: spareSpikes },
      },
      axes: [
        { ...axis, label: axisNames[state.axis], labelSize: 20, labelFont: "12px system-ui, sans-serif" },
        { ...axis, size: 56, values: (_, ticks) => ticks.map((tick) => (tick === null ? "" : figure(tick))) },
      ],
      hooks: {
        setCursor: [(plot) => read(chart, plot)],
        setScale: [(plot, name) => { if (name === "x" && !syncing && plot.status === 1) zoomed(plot); }],
        draw: half ? [halfLine] : [],
      },
    },
    columns, place,
  );
  read(chart, chart.plot);
  applyZoom([chart]);
};

// A few spikes would flatten all the rest: the axis ends where nearly all of every curve is.
const spareSpikes = (plot, low, high) => {
  const values = [];
  const every = Math.ceil(((plot.data.length - 1) * plot.data[0].length) / MOST_VALUES);
  for (let i = 1; i < plot.data.length; i++) {
    for (let j = i % every; j < plot.data[i].length; j += every) {
      if (plot.data[i][j] !== null) values.push(plot.data[i][j]);
    }
  }
  if (!values.length) return [0, 1];
  values.sort((a, b) => a - b);
  const at = (share) => values[Math.min(values.length - 1, Math.floor(share * values.length))];
  const [a, b] = [Math.max(low ?? at(0), at(0.002)), Math.min(high ?? at(1), at(0.998))];
  const margin = 0.05 * (b - a) || Math.abs(b) * 0.1 || 1;
  return [a - margin, b + margin];
};

const halfLine = (plot) => {
  const y = plot.valToPos(0.5, "y", true);
  plot.ctx.save();
  plot.ctx.strokeStyle = css("--soft");
  plot.ctx.lineWidth = 1.5 * devicePixelRatio;
  plot.ctx.setLineDash([2 * devicePixelRatio, 3 * devicePixelRatio]);
  plot.ctx.beginPath();
  plot.ctx.moveTo(plot.bbox.left, y);
  plot.ctx.lineTo(plot.bbox.left + plot.bbox.width, y);
  plot.ctx.stroke();
  plot.ctx.restore();
};

const read = (chart, plot) => {
  const out = chart.element.querySelector(".readout");
  const hovered = plot.cursor.idx;
  const i = hovered ?? plot.data[0].length - 1;
  out.replaceChildren();
  const whole = hovered === null || hovered === undefined;
  out.append(make("b", {}, `${whole ? "at the end, " : ""}${axisNames[state.axis]} ${figure(plot.data[0][i])}: `));
  plot.series.forEach((line, s) => {
    if (!line.named) return;
    let j = i;
    if (whole) while (j > 0 && plot.data[s][j] === null) j--;
    out.append(swatch(line.color), `${line.label} ${figure(plot.data[s][j])}   `);
  });
};

const zoomed = (source) => {
  const { min, max } = source.scales.x;
  const whole = source.data[0];
  state.zoom = min <= whole[0] && max >= whole[whole.length - 1] ? null : { axis: state.axis, min, max };
  syncing = true;
  for (const chart of CHARTS) if (chart.plot && chart.plot !== source) chart.plot.setScale("x", { min, max });
  syncing = false;
  remember();
};

const applyZoom = (charts) => {
  syncing = true;
  for (const { plot } of charts) {
    if (!plot) continue;
    const whole = plot.data[0];
    const zoom = state.zoom && state.zoom.axis === state.axis ? state.zoom : { min: whole[0], max: whole[whole.length - 1] };
    plot.setScale("x", { min: zoom.min, max: zoom.max });
  }
  syncing = false;
};

/* A chart without a curve is not there. */
const redraw = () => {
  for (const chart of CHARTS) {
    const having = drawn.some((group) => group.runs.some((r) => hasCurve(data.runs[r], chart)));
    chart.element.hidden = !having;
    if (having) chart.draw();
    else { chart.plot?.destroy(); chart.plot = null; }
  }
};
followers.push(redraw);

const steer = (event, chart) => {
  if (!chart.plot) return;
  const { min, max } = chart.plot.scales.x;
  const whole = chart.plot.data[0], [first, last] = [whole[0], whole[whole.length - 1]];
  const span = max - min;
  const moves = {
    "+": [min + span / 4, max - span / 4], "=": [min + span / 4, max - span / 4], "-": [min - span / 2, max + span / 2],
    ArrowLeft: [min - span / 5, max - span / 5], ArrowRight: [min + span / 5, max + span / 5], 0: [first, last],
  };
  const move = moves[event.key];
  if (!move) return;
  event.preventDefault();
  let [a, b] = move;
  if (b - a >= last - first) [a, b] = [first, last];
  if (a < first) [a, b] = [first, first + (b - a)];
  if (b > last) [a, b] = [last - (b - a), last];
  chart.plot.setScale("x", { min: a, max: b });
};

for (const chart of CHARTS) {
  const place = make("div", { class: "plot", tabindex: 0, role: "img", "aria-label": chart.title });
  place.addEventListener("keydown", (event) => steer(event, chart));
  chart.element = make("div", { class: "chart", "data-chart": chart.id },
    make("h3", {}, chart.title), place, make("div", { class: "readout" }));
  byId("charts").append(chart.element);
  chart.draw = whenSeen(chart.element, () => { if (!chart.element.hidden) drawChart(chart); });
}
const fit = () => {
  for (const chart of CHARTS) {
    const width = Math.max(200, chart.element.clientWidth);
    if (chart.plot && Math.abs(chart.plot.width - width) > 1) chart.plot.setSize({ width, height: 260 });
  }
};
new ResizeObserver(fit).observe(byId("charts"));
addEventListener("resize", fit);
