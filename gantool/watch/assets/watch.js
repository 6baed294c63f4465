"use strict";
(() => {
  const byId = (id) => document.getElementById(id);
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const make = (tag, className, text) => {
    const element = document.createElement(tag);
    if (className) element.className = className;
    if (text !== undefined) element.textContent = text;
    return element;
  };
  const write = (element, text) => { if (element.textContent !== text) element.textContent = text; };

  const MOST = 8, FOLLOWED = 3; // runs in large: at most, and of those that nobody chose
  const AXES = { step: "step", epoch: "epoch", images: "images seen", seconds: "seconds" };
  const PLAYERS = { loss_d: "discriminator", loss_g: "generator" };
  const WORDS = ["running", "finished", "stale", "interrupted", "diverged", "failed", "unreadable"];
  const BUSY = ["running", "stale", "unreadable"]; // the order of the list; all others follow, the newest first

  const storage = "gantool-watch:chosen";
  const recall = () => { try { return JSON.parse(sessionStorage.getItem(storage)); } catch { return null; } };
  const remember = () => { try { sessionStorage.setItem(storage, JSON.stringify(state.chosen)); } catch { /* none */ } };

  const runs = new Map(); // cards by key
  const details = new Map(), curves = new Map();
  const items = new Map(); // elements of the list
  const paint = new Map(); // a color's number for each run in large
  const known = new Map(); // the status and alarms that were said
  const state = { chosen: recall(), shown: [], colors: [], axis: "step", smooth: 0.8, log: false, ended: false };

  const figure = (value) => {
    if (value === null || value === undefined || !Number.isFinite(value)) return "-";
    if (Math.abs(value) >= 1000) return Math.round(value).toLocaleString("en");
    return String(Number(value.toPrecision(3)));
  };
  const clock = (seconds) => {
    const whole = Math.round(seconds), two = (number) => String(number).padStart(2, "0");
    const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
    return hours ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
  };
  const color = (key) => state.colors[paint.get(key) % state.colors.length] || "gray";
  const swatch = (key) => {
    const element = make("span", "swatch");
    element.style.background = color(key);
    return element;
  };
  const chip = (card) => {
    const element = make("span", "status", wordOf(card));
    element.dataset.status = card.status;
    return element;
  };
  const isScoring = (card) => card.status === "running" && card.total > 0 && card.step >= card.total;
  const wordOf = (card) => (isScoring(card) ? "scoring" : card.status);

  /* What is heard from the server. */
  let source = null, asked = null;
  const connect = () => {
    if (source) source.close();
    asked = state.shown.join();
    const query = new URLSearchParams(state.shown.map((key) => ["run", key]));
    source = new EventSource(`/news?${query}`);
    source.addEventListener("begin", (event) => {
      const data = JSON.parse(event.data);
      state.colors = data.colors;
      for (const map of [details, curves]) map.clear();
      for (const key of [...runs.keys()]) if (!(data.cards && key in data.cards)) remove(key);
      take(data);
      document.documentElement.dataset.live = "true";
    });
    source.addEventListener("news", (event) => take(JSON.parse(event.data)));
    source.addEventListener("end", (event) => {
      source.close();
      state.ended = true;
      take(JSON.parse(event.data));
      say("The program that served this page has ended. What it had to show stays here.");
      document.documentElement.dataset.live = "ended";
    });
    source.addEventListener("error", () => {
      if (!state.ended) say("No answer from gantool: trying again. Start it anew where it has ended.");
    });
  };
  // A page that nobody looks at asks for nothing, and is up to date once someone does.
  document.addEventListener("visibilitychange", () => {
    if (state.ended) return;
    if (document.hidden) source.close();
    else connect();
  });

  const say = (text) => write(byId("said"), text);
  const listed = (parts) => (parts.length > 3 ? `${parts.slice(0, 3).join("; ")}; and ${parts.length - 3} more` : parts.join("; "));

  const remove = (key) => {
    for (const map of [runs, details, curves]) map.delete(key);
    items.get(key)?.element.remove();
    items.delete(key);
  };

  const take = (data) => {
    const first = known.size === 0, news = [];
    for (const key of data.gone || []) {
      if (runs.has(key)) news.push(`${runs.get(key).name} is gone`);
      known.delete(key);
      remove(key);
    }
    for (const [key, card] of Object.entries(data.cards || {})) {
      runs.set(key, card);
      const before = known.get(key), word = wordOf(card);
      if (!before && !first) news.push(`${card.name} appeared, ${word}`);
      else if (before && before.word !== word) news.push(`${card.name}: ${word}`);
      if (before && (card.alarms || 0) > before.alarms) news.push(`${card.name}: a detector raised an alarm`);
      known.set(key, { word, alarms: card.alarms || 0 });
    }
    for (const [key, detail] of Object.entries(data.details || {})) details.set(key, detail);
    for (const [key, part] of Object.entries(data.curves || {})) grow(key, part);
    if (data.studies) showStudies(data.studies);
    if (data.notes) showNotes(data.notes);
    if (news.length) say(`${listed(news)}.`);
    else if (byId("said").textContent.startsWith("No answer")) say("");
    choose();
    showCards(Object.keys(data.cards || {}));
    showLarge();
    document.documentElement.dataset.ready = "true";
  };

  const grow = (key, part) => {
    const columns = part.from ? curves.get(key) || {} : {};
    for (const [name, values] of Object.entries(part.columns)) {
      const column = columns[name] || [];
      column.length = Math.min(column.length, part.from);
      while (column.length < part.from) column.push(null);
      column.push(...values);
      columns[name] = column;
    }
    curves.set(key, columns);
  };

  /* The choice of what is seen in large. */
  const rank = (card) => (BUSY.indexOf(card.status) + BUSY.length + 1) % (BUSY.length + 1);
  const inOrder = () =>
    [...runs.keys()].sort((a, b) => {
      const [p, q] = [runs.get(a), runs.get(b)];
      return rank(p) - rank(q) || (q.started || "").localeCompare(p.started || "") || p.name.localeCompare(q.name);
    });

  const choose = () => {
    let shown = (state.chosen || []).filter((key) => runs.has(key));
    if (state.chosen === null) {
      const order = inOrder();
      const running = order.filter((key) => runs.get(key).status === "running").slice(0, FOLLOWED);
      const before = state.shown.filter((key) => runs.has(key));
      const wanted = [...new Set([...running, ...before])].slice(0, FOLLOWED); // what has just ended stays while there is room
      shown = [...before.filter((key) => wanted.includes(key)), ...wanted.filter((key) => !before.includes(key))];
      if (!shown.length) shown = order.slice(0, 1);
    }
    state.shown = shown;
    for (const key of [...paint.keys()]) if (!shown.includes(key)) paint.delete(key);
    for (const key of shown) {
      if (paint.has(key)) continue;
      let free = 0;
      while ([...paint.values()].includes(free)) free++;
      paint.set(key, free);
    }
    if (!state.ended && shown.join() !== asked) connect();
  };

  const toggle = (key) => {
    const now = state.shown.includes(key) ? state.shown.filter((other) => other !== key) : [...state.shown, key];
    state.chosen = now.slice(-MOST);
    settle();
  };
  const settle = () => { remember(); choose(); showCards([]); showLarge(); };
  byId("auto").addEventListener("click", () => {
    state.chosen = state.chosen === null ? [...state.shown] : null;
    settle();
  });

  /* The list. */
  const showStudies = (studies) => {
    byId("studies").hidden = !studies.length;
    byId("studies").querySelector("ul").replaceChildren(...studies.map((study) => {
      const item = make("li"), name = make("span", "name"), bar = make("progress");
      name.append(make("bdi", "", study.name));
      bar.max = study.total || 1;
      bar.value = study.done || 0;
      bar.setAttribute("aria-label", `runs of ${study.name} that are done`);
      const rest = ["running", "failed", "stopped", "waiting"].filter((word) => study[word]).map((word) => `${study[word]} ${word}`);
      item.append(name, bar, make("span", "", [`${study.done || 0} of ${study.total} done`, ...rest].join(", ")));
      return item;
    }));
  };

  const showNotes = (notes) => {
    byId("notes").hidden = !notes.length;
    byId("notes").replaceChildren(...notes.map((note) => make("li", "", note)));
  };

  const makeItem = (key) => {
    const element = make("li"), button = make("button", "card"), bar = make("progress");
    button.type = "button";
    button.dataset.run = key;
    bar.setAttribute("aria-hidden", "true");
    const parts = { thumb: make("img", "thumb"), top: make("span", "top"), bar, far: make("small"), how: make("small") };
    parts.thumb.alt = "";
    parts.thumb.loading = "lazy";
    button.append(...Object.values(parts));
    button.addEventListener("click", () => toggle(key));
    element.append(button);
    return { element, button, ...parts };
  };

  const gridOf = (key, card) => `/grid?run=${key}&step=${card.grid[0]}&v=${card.grid[1]}`;

  const showCard = (key) => {
    const card = runs.get(key);
    if (!items.has(key)) items.set(key, makeItem(key));
    const item = items.get(key);
    const name = make("span", "name");
    name.append(make("bdi", "", card.name));
    item.top.replaceChildren(name, chip(card));
    item.thumb.className = `thumb ${card.noun || ""}`;
    item.thumb.style.visibility = card.grid ? "" : "hidden";
    if (card.grid && item.grid !== gridOf(key, card)) item.thumb.src = item.grid = gridOf(key, card);
    item.bar.max = card.total || 1;
    item.bar.value = card.step || 0;
    const epoch = card.epoch ? `, epoch ${figure(card.epoch)}` : "";
    const left = card.left === null || card.left === undefined ? "" : `; ${clock(card.left)} left`;
    write(item.far, card.problem || `step ${figure(card.step || 0)} of ${figure(card.total)}${epoch}${left}`);
    const losses = Object.entries(card.losses || {}).map(([loss, value]) => `${({ loss_d: "D", loss_g: "G" })[loss] || loss.slice(5)} ${figure(value)}`);
    const score = card.score ? `${card.score.metric} ${figure(card.score.value)}` : "";
    const alarms = card.alarms ? make("span", "alarm", `${card.alarms} alarm${card.alarms > 1 ? "s" : ""}`) : "";
    const words = [losses.length ? `loss ${losses.join(" ")}` : "", score].filter(Boolean).join("; ");
    item.how.replaceChildren(words, words && alarms ? "; " : "", alarms);
  };

  const showCards = (changed) => {
    changed.forEach(showCard);
    const wanted = byId("find").value.trim().toLowerCase().split(/\s+/);
    for (const [key, item] of items) {
      const card = runs.get(key), text = `${card.name} ${card.model} ${card.data} ${wordOf(card)}`.toLowerCase();
      item.element.hidden = !wanted.every((word) => text.includes(word));
      item.button.setAttribute("aria-pressed", String(state.shown.includes(key)));
    }
    const order = inOrder(), list = byId("cards");
    if (order.join() !== [...list.children].map((child) => child.firstChild.dataset.run).join()) {
      const focused = document.activeElement, from = byId("room").scrollTop;
      list.replaceChildren(...order.map((key) => items.get(key).element));
      if (list.contains(focused)) focused.focus({ preventScroll: true });
      byId("room").scrollTop = from;
    }
    const words = [...runs.values()].map((card) => card.status);
    const counts = WORDS.map((word) => [word, words.filter((other) => other === word).length]).filter(([, count]) => count);
    const text = counts.map(([word, count]) => `${count} ${word}`).join(", ");
    write(byId("counts"), text ? `${text}.` : "No run yet: waiting for the first one.");
    document.title = `${text || "waiting"} · gantool watch`;
    byId("auto").setAttribute("aria-pressed", String(state.chosen === null));
    byId("hint").hidden = !runs.size;
  };
  byId("find").addEventListener("input", () => showCards([]));

  /* In large. */
  const sheets = new Map();
  const showSheets = () => {
    for (const [key, sheet] of sheets) if (!state.shown.includes(key)) { sheet.element.remove(); sheets.delete(key); }
    for (const key of state.shown) {
      const card = runs.get(key);
      if (!sheets.has(key)) {
        const element = make("figure", card.noun || "images"), caption = make("figcaption"), place = make("div");
        element.append(caption, place);
        sheets.set(key, { element, caption, place, source: undefined });
      }
      const sheet = sheets.get(key);
      if (byId("sheets").children[state.shown.indexOf(key)] !== sheet.element) byId("sheets").append(sheet.element);
      const grid = card.grid ? gridOf(key, card) : null;
      sheet.caption.replaceChildren(chip(card), swatch(key), make("bdi", "", card.name),
        make("small", "", card.grid ? `samples at step ${figure(card.grid[0])}` : ""));
      if (sheet.source === grid) continue;
      sheet.source = grid;
      const picture = grid ? make("img") : make("div", "missing", "no samples yet");
      if (grid) {
        picture.src = grid;
        picture.alt = `samples of ${card.name} at step ${figure(card.grid[0])}`;
      }
      // The old picture stays until the new one is there.
      if (grid && sheet.place.firstChild) picture.decode().catch(() => {}).then(() => { if (sheet.source === grid) sheet.place.replaceChildren(picture); });
      else sheet.place.replaceChildren(picture);
    }
  };

  let told = "";
  const showEvents = () => {
    const found = state.shown.flatMap((key) => ((details.get(key) || {}).events || []).map((event) => ({ ...event, key })));
    const now = JSON.stringify(found);
    if (now === told) return;
    told = now;
    const lines = found.reverse().map((event) => {
      const line = make("li");
      const where = event.detector ? ` (${event.detector})` : "";
      line.append(swatch(event.key), make("bdi", "", runs.get(event.key).name), ` step ${figure(event.step)}: `);
      line.append(make(event.detector ? "strong" : "span", event.detector ? "bad" : "", `${event.kind}${where}`), `: ${event.message}`);
      return line;
    });
    byId("events").replaceChildren(...(lines.length ? lines : [make("li", "none", "None so far.")]));
  };

  const scoresOf = (key) => (details.get(key) || {}).scores || [];
  const showScores = () => {
    const having = state.shown.filter((key) => scoresOf(key).length);
    byId("scores").parentElement.hidden = !having.length;
    byId("no-scores").hidden = having.length > 0;
    const head = make("tr"), body = make("tbody"), top = make("thead");
    const heading = (scope, ...content) => {
      const cell = make("th");
      cell.scope = scope;
      cell.append(...content);
      return cell;
    };
    const newest = new Map(having.map((key) => [key, Math.max(...scoresOf(key).map((score) => score.step))]));
    head.append(heading("col", "score"), ...having.map((key) =>
      heading("col", swatch(key), make("bdi", "", runs.get(key).name), " ", make("small", "", `at step ${figure(newest.get(key))}`))));
    for (const [metric, better] of new Map(having.flatMap(scoresOf).map((score) => [score.metric, score.better]))) {
      const line = make("tr");
      line.append(heading("row", `${metric} ${better === "lower" ? "↓" : "↑"}`), ...having.map((key) => {
        const score = scoresOf(key).find((other) => other.metric === metric), cell = make("td");
        if (!score) return cell;
        cell.append(figure(score.value) + (score.error ? ` ± ${figure(score.error)}` : ""));
        const beside = [score.value === null ? score.reason : "", score.step === newest.get(key) ? "" : `at step ${figure(score.step)}`];
        for (const words of beside) if (words) cell.append(" ", make("small", "", words));
        return cell;
      }));
      body.append(line);
    }
    top.append(head);
    byId("scores").replaceChildren(top, body);
  };

  /* Curves. */
  const charts = new Map();
  const titleOf = (key) => (key.startsWith("loss_") ? `Loss of the ${PLAYERS[key] || key.slice(5)}` : key);

  const wantedCharts = () => {
    const names = new Set(state.shown.flatMap((key) => Object.keys(curves.get(key) || {})));
    const isKnown = (name) => state.shown.some((key) => ((curves.get(key) || {})[name] || []).some((value) => value !== null));
    const usual = [...Object.keys(AXES), "d_real", "d_fake", "d_fake_after"];
    const rest = [...names].filter((name) => !usual.includes(name) && isKnown(name));
    const losses = rest.filter((name) => name.startsWith("loss_"));
    const found = losses.map((name) => ({ id: name, title: titleOf(name), names: [name] }));
    for (const [scale, title] of [["probability", "D(x) solid, D(G(z)) dashed"], ["raw", "D's raw outputs: D(x) solid, D(G(z)) dashed"]]) {
      const having = state.shown.filter((key) => runs.get(key).scale === scale);
      if (having.length && isKnown("d_real")) found.push({ id: scale, title, names: ["d_real", "d_fake"], scale });
    }
    const scores = new Map();
    for (const score of state.shown.flatMap(scoresOf)) {
      if (score.points.length > 1) scores.set(score.metric, score.better);
    }
    [...scores].forEach(([metric, better], i) => {
      found.push({ id: `score ${metric}`, title: `${metric} ${better === "lower" ? "↓" : "↑"}`, score: metric, further: i > 0 });
    });
    for (const name of rest) if (!losses.includes(name)) found.push({ id: name, title: name, names: [name] });
    return found;
  };

  const smoothed = (values) => {
    let total = 0, weight = 0;
    return values.map((value) => {
      if (value === null) return null;
      total = state.smooth * total + (1 - state.smooth) * value;
      weight = state.smooth * weight + (1 - state.smooth);
      return total / weight;
    });
  };

  const lineOf = (key, chart, name) => {
    const columns = curves.get(key) || {}, places = columns[state.axis] || [];
    let points;
    if (chart.score) {
      const score = scoresOf(key).find((other) => other.metric === chart.score);
      const steps = columns.step || [];
      points = (score ? score.points : []).map(([step, value]) => {
        const after = steps.findIndex((other) => other >= step);
        return [state.axis === "step" ? step : places[after < 0 ? steps.length - 1 : after], value];
      });
    } else {
      if (chart.scale && runs.get(key).scale !== chart.scale) return null;
      const values = columns[name] ? smoothed(columns[name]) : [];
      points = places.map((place, i) => [place, values[i]]);
    }
    const isThere = ([x, y]) => Number.isFinite(x) && Number.isFinite(y) && (!state.log || y > 0);
    points = points.filter(isThere);
    return points.length ? [points.map(([x]) => x), points.map(([, y]) => y)] : null;
  };

  const draw = (chart) => {
    const lines = [];
    for (const key of state.shown) (chart.names || [""]).forEach((name, i) => {
      const line = lineOf(key, chart, name);
      if (line) lines.push({ key, line, dash: i ? [5, 4] : undefined, label: runs.get(key).name + (chart.names?.length > 1 ? [" D(x)", " D(G(z))"][i] : "") });
    });
    chart.element.hidden = !lines.length;
    if (!lines.length || (chart.further && !byId("more").open)) return;
    const columns = uPlot.join(lines.map(({ line }) => line));
    const looks = JSON.stringify([lines.map(({ key, dash }) => [key, color(key), dash]), state.axis, state.log, css("--soft")]);
    if (chart.plot && chart.looks === looks) {
      chart.plot.setData(columns, !chart.zoomed);
      if (chart.zoomed) chart.plot.redraw();
    } else {
      chart.plot?.destroy();
      chart.looks = looks;
      chart.zoomed = false;
      const soft = css("--soft"), grid = css("--line"), font = "12px system-ui, sans-serif";
      const axis = { stroke: soft, grid: { stroke: grid, width: 1 }, ticks: { stroke: grid, width: 1 }, font };
      const half = chart.scale === "probability" && !state.log;
      chart.plot = new uPlot({
        width: Math.max(200, chart.place.clientWidth), height: 230, legend: { show: false },
        cursor: { drag: { x: true, y: false }, sync: { key: "watch" } },
        series: [{}, ...lines.map(({ key, dash }) => ({ stroke: color(key), width: 2, dash, spanGaps: true, points: { show: Boolean(chart.score) } }))],
        scales: { x: { time: false }, y: state.log ? { distr: 3 } : half ? { range: [-0.02, 1.02] } : {} },
        axes: [{ ...axis, size: 34, label: AXES[state.axis], labelSize: 18, labelFont: font }, { ...axis, size: 56, values: (_, ticks) => ticks.map((tick) => (tick === null ? "" : figure(tick))) }],
        hooks: { setSelect: [() => { chart.zoomed = true; }], setCursor: [(plot) => read(chart, plot.cursor.idx)] },
      }, columns, chart.place);
      chart.plot.over.addEventListener("dblclick", () => { chart.zoomed = false; });
    }
    chart.lines = lines;
    read(chart, chart.plot.cursor.idx);
    chart.place.setAttribute("aria-label", `${chart.title}: ${lines.map(({ label, line }) => `${label} ${figure(line[1].at(-1))}`).join(", ")}`);
  };

  const read = (chart, hovered) => {
    if (!chart.lines) return;
    const out = [], there = hovered !== null && hovered !== undefined;
    const at = there ? chart.plot.data[0][hovered] : null;
    if (there) out.push(make("b", "", `${AXES[state.axis]} ${figure(at)}: `));
    for (const { key, line, label } of chart.lines) {
      let i = line[0].length - 1;
      if (there) while (i > 0 && line[0][i] > at) i--;
      out.push(swatch(key), make("bdi", "", label), ` ${figure(line[1][i])}   `);
    }
    chart.readout.replaceChildren(...out);
  };

  const showCharts = () => {
    const wanted = wantedCharts();
    const ids = wanted.map(({ id }) => id);
    for (const [id, chart] of charts) if (!ids.includes(id)) { chart.plot?.destroy(); chart.element.remove(); charts.delete(id); }
    for (const chart of wanted) {
      if (!charts.has(chart.id)) {
        const element = make("div", "chart"), place = make("div", "plot"), readout = make("div", "readout");
        place.setAttribute("role", "img");
        element.dataset.chart = chart.id;
        element.append(make("h4", "", chart.title), place, readout);
        charts.set(chart.id, { element, place, readout });
      }
      Object.assign(charts.get(chart.id), chart);
    }
    for (const further of [false, true]) {
      const place = further ? byId("more").querySelector(".charts") : byId("charts");
      const here = wanted.map(({ id }) => charts.get(id)).filter((chart) => Boolean(chart.further) === further);
      here.forEach((chart, i) => {
        if (place.children[i] !== chart.element) place.insertBefore(chart.element, place.children[i] || null);
        draw(chart);
      });
      if (further) byId("more").hidden = !here.length;
    }
  };
  new ResizeObserver(() => {
    for (const chart of charts.values()) {
      const width = Math.max(200, chart.element.clientWidth);
      if (chart.plot && chart.element.clientWidth && Math.abs(chart.plot.width - width) > 1) chart.plot.setSize({ width, height: 230 });
    }
  }).observe(byId("charts"));

  const showLarge = () => {
    byId("large").hidden = !state.shown.length;
    if (!state.shown.length) return;
    showSheets();
    showEvents();
    showScores();
    showCharts();
  };

  byId("more").addEventListener("toggle", showCharts);
  byId("axis").addEventListener("change", (event) => { state.axis = event.target.value; showCharts(); });
  byId("smooth").addEventListener("input", (event) => { state.smooth = Number(event.target.value); showCharts(); });
  byId("log").addEventListener("change", (event) => { state.log = event.target.checked; showCharts(); });
  new MutationObserver(() => showCharts()).observe(document.documentElement, { attributeFilter: ["data-theme"] });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => showCharts());

  state.shown = state.chosen || [];
  connect();
})();
