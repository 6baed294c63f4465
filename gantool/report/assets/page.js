"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const byId = (id) => document.getElementById(id);
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const axisNames = { step: "step", images: `${data.noun} seen`, seconds: "seconds" };
  const GRID = 300;

  // What the reader has set survives a reload, so that a page that is written anew stays as it was.
  const key = "gantool:" + location.pathname;
  const recalled = (() => {
    try { return JSON.parse(sessionStorage.getItem(key)) || {}; } catch { return {}; }
  })();
  const state = {
    axis: "step", smooth: 0.8, log: false, members: true, bands: true, real: true, hidden: [], when: null,
    zoom: null, theme: null, scroll: 0, ...recalled,
  };
  const remember = () => {
    state.scroll = window.scrollY;
    try { sessionStorage.setItem(key, JSON.stringify(state)); } catch { /* a page in a sandbox has no storage */ }
  };
  const shown = (variant) => !state.hidden.includes(data.variants[variant].name);

  const figure = (value) => {
    if (value === null || value === undefined || !Number.isFinite(value)) return "-";
    if (Math.abs(value) >= 1000) return Math.round(value).toLocaleString("en");
    return String(Number(value.toPrecision(3)));
  };

  /* Tables that sort. */
  for (const table of document.querySelectorAll("table.sortable")) {
    const headings = [...table.tHead.rows[0].cells];
    headings.forEach((heading, column) => {
      const button = heading.querySelector("button");
      if (!button) return;
      button.addEventListener("click", () => {
        const ascending = heading.getAttribute("aria-sort") !== "ascending";
        headings.forEach((other) => other.removeAttribute("aria-sort"));
        heading.setAttribute("aria-sort", ascending ? "ascending" : "descending");
        const value = (row) => row.cells[column].dataset.value ?? row.cells[column].textContent;
        const rows = [...table.tBodies[0].rows];
        rows.sort((a, b) => {
          const [x, y] = [value(a), value(b)];
          if (x === "" || y === "") return (x === "") - (y === "");
          const [p, q] = [Number(x), Number(y)];
          const order = Number.isNaN(p) || Number.isNaN(q) ? x.localeCompare(y) : p - q;
          return ascending ? order : -order;
        });
        table.tBodies[0].append(...rows);
      });
    });
  }

  /* Curves. */
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

  const faded = (colour, part) => `color-mix(in srgb, ${colour} ${part}%, transparent)`;
  const canvasColour = (() => {
    // A canvas knows no color-mix everywhere; the browser's own answer for an element is always understood.
    const probe = document.createElement("span");
    probe.hidden = true;
    document.body.append(probe);
    return (colour) => { probe.style.color = colour; return getComputedStyle(probe).color; };
  })();

  const build = (chart) => {
    const ends = data.runs.map((run) => curve(run, chart, (chart.keys || [])[0])[0].at(-1) ?? 0);
    const end = Math.max(1e-9, ...ends);
    const starts = data.runs.map((run) => curve(run, chart, (chart.keys || [])[0])[0][0] ?? end);
    const start = Math.min(...starts, end);
    const grid = Array.from({ length: GRID }, (_, i) => start + ((end - start) * i) / (GRID - 1));
    const columns = [grid], series = [{ label: axisNames[state.axis] }], bands = [];
    data.variants.forEach((variant, v) => {
      if (!shown(v)) return;
      const members = data.runs.filter((run) => run.variant === v);
      (chart.keys || [chart.score]).forEach((name, k) => {
        const dash = k ? [5, 4] : undefined;
        const colour = canvasColour(variant.colour);
        const lines = members
          .map((run) => curve(run, chart, name))
          .filter(([xs]) => xs.length)
          .map(([xs, ys]) => [onGrid(grid, xs, ys), onGrid(grid, xs, chart.score ? ys : smoothed(ys))]);
        if (!lines.length) return;
        if (state.members) {
          for (const [raw] of lines) {
            columns.push(raw);
            series.push({ stroke: canvasColour(faded(variant.colour, 26)), width: 1, dash, points: { show: false } });
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
          bands.push({ series: [columns.length - 2, columns.length - 1], fill: canvasColour(faded(variant.colour, 18)) });
        }
        columns.push(mean);
        series.push({
          label: variant.name + (chart.keys && chart.keys.length > 1 ? (k ? " D(G(z))" : " D(x)") : ""),
          stroke: colour, width: 2, dash, points: { show: false }, named: true, colour: variant.colour,
        });
      });
    });
    return { columns: state.log ? columns.map((c, i) => (i ? c.map((y) => (y > 0 ? y : null)) : c)) : columns, series, bands };
  };

  const plots = [];
  const synced = uPlot.sync("curves");
  let syncing = false;

  const draw = (chart) => {
    const { columns, series, bands } = build(chart);
    const place = chart.element.querySelector(".plot");
    if (chart.plot) chart.plot.destroy();
    place.replaceChildren();
    chart.element.hidden = columns.length < 2;
    if (columns.length < 2) { chart.plot = null; return; }
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
  };

  // A few spikes would flatten all the rest: the axis ends where nearly all of every curve is.
  const spareSpikes = (plot, low, high) => {
    const values = [];
    for (let i = 1; i < plot.data.length; i++) {
      for (const value of plot.data[i]) if (value !== null) values.push(value);
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
    const at = document.createElement("b");
    at.textContent = `${hovered === null || hovered === undefined ? "at the end, " : ""}${axisNames[state.axis]} ${figure(plot.data[0][i])}: `;
    out.append(at);
    plot.series.forEach((line, s) => {
      if (!line.named) return;
      const swatch = document.createElement("span");
      swatch.className = "swatch";
      swatch.style.background = line.colour;
      let j = i;
      if (hovered === null || hovered === undefined) while (j > 0 && plot.data[s][j] === null) j--;
      out.append(swatch, `${line.label} ${figure(plot.data[s][j])}   `);
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

  const applyZoom = () => {
    syncing = true;
    for (const { plot } of CHARTS) {
      if (!plot) continue;
      const whole = plot.data[0];
      const zoom = state.zoom && state.zoom.axis === state.axis ? state.zoom : { min: whole[0], max: whole[whole.length - 1] };
      plot.setScale("x", { min: zoom.min, max: zoom.max });
    }
    syncing = false;
  };

  const redraw = () => { CHARTS.forEach(draw); applyZoom(); };

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
    chart.element = document.createElement("div");
    chart.element.className = "chart";
    chart.element.dataset.chart = chart.id;
    const title = document.createElement("h3");
    title.textContent = chart.title;
    const place = document.createElement("div");
    place.className = "plot";
    place.tabIndex = 0;
    place.setAttribute("role", "img");
    place.setAttribute("aria-label", chart.title);
    place.addEventListener("keydown", (event) => steer(event, chart));
    const out = document.createElement("div");
    out.className = "readout";
    chart.element.append(title, place, out);
    byId("charts").append(chart.element);
  }
  const fit = () => {
    for (const chart of CHARTS) {
      const width = Math.max(200, chart.element.clientWidth);
      if (chart.plot && Math.abs(chart.plot.width - width) > 1) chart.plot.setSize({ width, height: 260 });
    }
  };
  new ResizeObserver(fit).observe(byId("charts"));
  addEventListener("resize", fit);

  /* Legend: shows and hides variants in charts and samples alike. */
  data.variants.forEach((variant, v) => {
    const button = document.createElement("button");
    button.type = "button";
    const swatch = document.createElement("span");
    swatch.className = "swatch";
    swatch.style.background = variant.colour;
    const label = document.createElement("bdi");
    label.textContent = variant.name;
    button.append(swatch, label);
    button.setAttribute("aria-pressed", String(shown(v)));
    button.addEventListener("click", () => {
      state.hidden = shown(v) ? [...state.hidden, variant.name] : state.hidden.filter((name) => name !== variant.name);
      button.setAttribute("aria-pressed", String(shown(v)));
      remember();
      redraw();
      showSheets();
    });
    byId("legend").append(button);
  });

  /* Samples. */
  byId("sheets").classList.toggle("points", data.noun === "points");
  const sheets = data.sheets.map((sheet) => {
    const element = document.createElement("figure");
    element.className = sheet.noun;
    const caption = document.createElement("figcaption");
    const place = document.createElement("div");
    element.append(caption, place);
    byId("sheets").append(element);
    return { ...sheet, element, caption, place, now: undefined };
  });

  const put = (sheet, source, text) => {
    if (sheet.now === source) return;
    sheet.now = source;
    if (source === null) {
      const missing = document.createElement("div");
      missing.className = "missing";
      missing.textContent = "missing";
      sheet.place.replaceChildren(missing);
    } else {
      const image = sheet.place.querySelector("img") || document.createElement("img");
      image.alt = text;
      image.src = source;
      if (!image.parentNode) sheet.place.replaceChildren(image);
    }
  };

  // One picture of real images for each way they are laid out and each data set.
  const reals = [...new Map(sheets.map((sheet) => [sheet.real, sheet.noun]))].map(([source, noun]) => {
    const element = document.createElement("figure");
    element.className = `real ${noun}`;
    const caption = document.createElement("figcaption");
    caption.textContent = `real ${noun}`;
    const place = document.createElement("div");
    element.append(caption, place);
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

  const showSheets = () => {
    const moment = moments[Number(byId("when").value)] ?? 0;
    const words = `${axisNames[state.axis]} ${figure(moment)}`;
    byId("when-text").textContent = sheets.every((sheet) => sheet.elsewhere) ? "" : words;
    byId("when").setAttribute("aria-valuetext", words);
    for (const sheet of sheets) {
      sheet.element.hidden = !shown(sheet.variant);
      const frame = sheet.frames.filter((candidate) => candidate[state.axis] <= moment).at(-1);
      const variant = data.variants[sheet.variant];
      const swatch = document.createElement("span");
      swatch.className = "swatch";
      swatch.style.background = variant.colour;
      const label = document.createElement("bdi");
      label.textContent = variant.name;
      const detail = document.createElement("small");
      const seed = sheet.seed === null ? "" : `seed ${sheet.seed}, `;
      const drawn = sheet.elsewhere ? "drawn elsewhere" : `step ${frame ? figure(frame.step) : "none"}`;
      detail.textContent = frame ? seed + drawn : `${seed}no sample grid yet`;
      sheet.caption.replaceChildren(swatch, label, detail);
      put(sheet, frame ? frame.picture : null, `samples of ${variant.name}, ${drawn}`);
    }
    for (const element of reals) element.hidden = !state.real;
  };

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

  /* Controls. */
  const bind = (id, property, event, act) => {
    const control = byId(id);
    const kind = control.type === "checkbox" ? "checked" : "value";
    control[kind] = state[property];
    control.addEventListener(event, () => {
      state[property] = control.type === "range" ? Number(control.value) : control[kind];
      remember();
      act();
    });
  };
  bind("axis", "axis", "change", () => { redraw(); timeline(); showSheets(); });
  bind("smooth", "smooth", "input", redraw);
  bind("log", "log", "change", redraw);
  bind("members", "members", "change", redraw);
  bind("bands", "bands", "change", redraw);
  bind("real", "real", "change", showSheets);
  byId("unzoom").addEventListener("click", () => { state.zoom = null; remember(); applyZoom(); });
  byId("when").addEventListener("input", () => {
    state.when = { axis: state.axis, at: moments[Number(byId("when").value)] ?? 0 };
    remember();
    showSheets();
  });
  byId("play").addEventListener("click", () => play(playing === null));

  const dark = matchMedia("(prefers-color-scheme: dark)");
  const theme = () => {
    if (state.theme) document.documentElement.dataset.theme = state.theme;
    redraw();
  };
  byId("theme").addEventListener("click", () => {
    const now = state.theme || (dark.matches ? "dark" : "light");
    state.theme = now === "dark" ? "light" : "dark";
    remember();
    theme();
  });
  dark.addEventListener("change", theme);

  theme();
  timeline();
  showSheets();
  if (recalled.scroll) window.scrollTo(0, recalled.scroll);
  if (data.again) {
    setTimeout(() => { remember(); location.reload(); }, data.again * 1000);
  }
  document.documentElement.dataset.ready = "true";
})();
