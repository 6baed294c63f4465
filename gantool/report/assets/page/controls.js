/* Controls, theme, and the first drawing. */
const bind = (id, property, event, act) => {
  const control = byId(id);
  if (!control) return;
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
bind("seeds", "seeds", "change", showSheets);
byId("unzoom").addEventListener("click", () => { state.zoom = null; remember(); applyZoom(CHARTS); });

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

if (state.theme) document.documentElement.dataset.theme = state.theme;
timeline();
follow();
showPair();
if (recalled.scroll) window.scrollTo(0, recalled.scroll);
if (data.again) {
  setTimeout(() => { remember(); location.reload(); }, data.again * 1000);
}
document.documentElement.dataset.ready = "true";
