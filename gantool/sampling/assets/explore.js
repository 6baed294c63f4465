"use strict";
(async () => {
  const byId = (id) => document.getElementById(id);
  const PAGE = 12, FRAMES = 25;

  const ask = async (path, content) => {
    const answer = await fetch(path, content === undefined ? {} : {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(content),
    });
    const result = await answer.json();
    if (!answer.ok) throw new Error(result.error || answer.statusText);
    byId("error").textContent = "";
    return result;
  };
  const trying = (act) => (...given) => act(...given).catch((error) => { byId("error").textContent = error.message; });

  const model = await ask("/about");
  const { prior, dimension } = model.latent;
  // A latent without named parts is one part; each has its own range, and a categorical one its choice.
  let start = 0;
  const parts = (model.latent.parts ?? [{ name: "z", ...model.latent }]).map((part) => {
    start += part.dimension;
    return { low: -3, high: 3, ...part, start: start - part.dimension };
  });
  const continuous = parts.filter((part) => part.prior !== "categorical");
  const dimensions = continuous.flatMap((part) => Array.from({ length: part.dimension }, (_, i) => ({
    name: model.latent.parts ? `${part.name}.${i}` : `z${i}`, at: part.start + i, low: part.low, high: part.high,
  })));
  byId("title").textContent = model.run;
  byId("about").textContent =
    `${model.model}, step ${model.step.toLocaleString("en")}${model.averaged ? ", averaged weights" : ""}; ` +
    `latent: ${prior === "parts" ? parts.map((part) => `${part.name} (${part.prior}, ${part.dimension})`).join(" + ") : `${prior}, ${dimension} dimensions`}`;
  const conditional = model.classes.length > 0;
  const state = { z: [...model.latents[0]], y: model.labels ? model.labels[0] : 0, looked: 0, from: null, to: null,
    plus: [], minus: [], plus2: [], frames: [], page: 0 };

  /* Points in the plane are one picture; images are cells, ways and sums. */
  const plane = model.points !== undefined;
  document.querySelectorAll(".of-images").forEach((part) => { part.hidden = plane; });
  document.querySelectorAll(".of-points").forEach((part) => { part.hidden = !plane; });
  const samples = { n: 512, seed: 0 };
  if (plane) {
    byId("look-title").textContent = "The ringed sample";
    byId("scatter-note").textContent = "Real points behind, samples before; the ringed one has the latent of the sliders." +
      (model.judged ? " Shading: D, from low (blue gray) to high (amber). Arrows: where the generator's gradient moves a sample." : "");
    byId("count").addEventListener("change", () => { samples.n = Number(byId("count").value); redraw(); });
    byId("others").addEventListener("click", () => { samples.seed += 1; redraw(); });
  }

  /* The sample and its sliders. */
  let waiting = null, busy = false;
  const redraw = trying(async () => {
    // While one request is under way the newest wish waits; those between are never sent.
    if (busy) { waiting = true; return; }
    busy = true;
    try {
      const { images } = await ask("/draw", { z: [state.z], y: [state.y], ...(plane ? samples : {}) });
      byId(plane ? "scatter" : "image").src = images[0];
    } finally {
      busy = false;
      if (waiting) { waiting = null; redraw(); }
    }
  });

  const sliders = () => {
    byId("sliders").replaceChildren();
    for (const { name: title, at, low, high } of dimensions.slice(state.page * PAGE, (state.page + 1) * PAGE)) {
      const row = document.createElement("label");
      const name = document.createElement("span");
      name.textContent = title;
      const slider = document.createElement("input");
      slider.type = "range";
      slider.min = low;
      slider.max = high;
      slider.step = (high - low) / 200;
      slider.value = state.z[at];
      const value = document.createElement("output");
      value.textContent = state.z[at].toFixed(2);
      slider.addEventListener("input", () => {
        state.z[at] = Number(slider.value);
        value.textContent = state.z[at].toFixed(2);
        redraw();
      });
      row.append(name, slider, value);
      byId("sliders").append(row);
    }
  };
  const use = (z, y) => {
    state.z = [...z];
    if (conditional && y !== undefined) { state.y = y; byId("label").value = String(y); }
    choices.forEach(({ part, choice }) => { choice.value = String(valueOf(part)); });
    sliders();
    redraw();
  };

  /* A choice for each categorical part. */
  const valueOf = (part) => {
    const values = state.z.slice(part.start, part.start + part.dimension);
    return values.indexOf(Math.max(...values));
  };
  const choose = (part, value) => {
    for (let i = 0; i < part.dimension; i++) state.z[part.start + i] = Number(i === value);
  };
  const choices = parts.filter((part) => part.prior === "categorical").map((part) => {
    const row = document.createElement("label");
    const choice = document.createElement("select");
    choice.id = `code-${part.name}`;
    for (let i = 0; i < part.dimension; i++) choice.append(new Option(String(i), String(i)));
    choice.value = String(valueOf(part));
    choice.addEventListener("change", () => { choose(part, Number(choice.value)); redraw(); });
    row.append(`${part.name} `, choice);
    byId("codes").append(row);
    return { part, choice };
  });

  for (let p = 0; p * PAGE < dimensions.length; p++) {
    const [first, last] = [dimensions[p * PAGE], dimensions[Math.min(dimensions.length, (p + 1) * PAGE) - 1]];
    const number = (name) => (model.latent.parts ? name : name.slice(1));
    byId("page").append(new Option(`${number(first.name)} to ${number(last.name)}`, String(p)));
  }
  byId("page").addEventListener("change", () => { state.page = Number(byId("page").value); sliders(); });
  if (conditional) {
    byId("label-box").hidden = false;
    model.classes.forEach((name, y) => byId("label").append(new Option(name, String(y))));
    byId("label").addEventListener("change", () => {
      state.y = Number(byId("label").value);
      redraw();
      between();
      sum();
    });
  }
  const normal = () => Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());
  byId("random").addEventListener("click", () => {
    for (const part of parts) {
      if (part.prior === "categorical") choose(part, Math.floor(part.dimension * Math.random()));
      else for (let i = 0; i < part.dimension; i++) {
        state.z[part.start + i] = part.prior === "normal" ? normal() : part.low + (part.high - part.low) * Math.random();
      }
    }
    use(state.z);
  });
  byId("zero").addEventListener("click", () => {
    for (const part of continuous) state.z.fill(part.prior === "normal" ? 0 : (part.low + part.high) / 2, part.start, part.start + part.dimension);
    use(state.z);
  });

  /* The sample grid. */
  const buttons = model.cells.map((source, cell) => {
    const button = document.createElement("button");
    button.type = "button";
    button.setAttribute("aria-label", `cell ${cell}`);
    const image = document.createElement("img");
    image.src = source;
    image.alt = "";
    const number = document.createElement("span");
    number.textContent = cell;
    button.append(image, number);
    button.addEventListener("click", () => pick(cell));
    byId("cells").append(button);
    return button;
  });
  byId("cells").style.gridTemplateColumns = `repeat(${model.columns}, minmax(0, 1fr))`;

  const mark = () => {
    buttons.forEach((button, cell) => {
      button.className = ["plus", "minus", "plus2"].filter((group) => state[group].includes(cell)).join(" ");
      for (const name of ["from", "to"]) if (state[name] === cell) button.classList.add(name);
      if (state.looked === cell) button.classList.add("look");
    });
    byId("from-text").textContent = state.from ?? "-";
    byId("to-text").textContent = state.to ?? "-";
  };

  const pick = (cell) => {
    const mode = document.querySelector("input[name=mode]:checked").value;
    if (mode === "look") {
      state.looked = cell;
      use(model.latents[cell], model.labels ? model.labels[cell] : undefined);
    } else if (mode === "from" || mode === "to") {
      state[mode] = cell;
      between();
    } else {
      state[mode] = state[mode].includes(cell) ? state[mode].filter((other) => other !== cell) : [...state[mode], cell];
      sum();
    }
    mark();
  };

  /* Interpolation. */
  const show = () => {
    const i = Number(byId("position").value);
    if (!state.frames.length) return;
    byId("between").hidden = false;
    byId("between").src = state.frames[i];
    byId("position-text").textContent = (i / (FRAMES - 1)).toFixed(2);
  };
  const between = trying(async () => {
    if (state.from === null || state.to === null) return;
    const wish = { from: state.from, to: state.to, steps: FRAMES };
    if (byId("way").value) wish.mode = byId("way").value;
    if (conditional) wish.label = String(state.y);
    state.frames = (await ask("/interpolate", wish)).images;
    byId("position").disabled = false;
    byId("strip").replaceChildren(...state.frames.filter((_, i) => i % 3 === 0).map((source) => {
      const image = document.createElement("img");
      image.src = source;
      image.alt = "";
      return image;
    }));
    show();
  });
  byId("position").addEventListener("input", show);
  byId("way").addEventListener("change", between);

  /* Arithmetic. */
  const expression = () => {
    const mean = (cells) => `mean(${cells.join(", ")})`;
    let text = "";
    for (const [sign, group] of [["+", "plus"], ["-", "minus"], ["+", "plus2"]]) {
      if (!state[group].length) continue;
      text += text ? ` ${sign} ${mean(state[group])}` : sign === "-" ? `-${mean(state[group])}` : mean(state[group]);
    }
    return text;
  };
  const sum = trying(async () => {
    const text = expression();
    byId("expression").textContent = text || "-";
    byId("sum").replaceChildren();
    if (!text) return;
    const wish = { expression: text };
    if (conditional) wish.label = String(state.y);
    const answer = await ask("/arithmetic", wish);
    const picture = (source, alt) => { const image = document.createElement("img"); image.src = source; image.alt = alt; return image; };
    const word = (content) => { const span = document.createElement("span"); span.textContent = content; return span; };
    const signs = [["+", "plus"], ["-", "minus"], ["+", "plus2"]].filter(([, group]) => state[group].length);
    answer.means.forEach((source, i) => {
      if (i || signs[i][0] === "-") byId("sum").append(word(signs[i][0]));
      byId("sum").append(picture(source, `mean of the cells ${state[signs[i][1]].join(", ")}`));
    });
    const result = picture(answer.images[0], "the result");
    result.id = "result";
    byId("sum").append(word("="), result);
    use(answer.z);
  });
  byId("clear").addEventListener("click", () => {
    state.plus = []; state.minus = []; state.plus2 = [];
    sum();
    mark();
  });

  const longest = Math.max(...dimensions.map(({ name }) => name.length), 3);
  byId("sliders").style.setProperty("--name", `${0.6 * longest + 0.6}em`);
  sliders();
  mark();
  await redraw();
  document.documentElement.dataset.ready = "true";
})();
