/* Tables that sort, and whose rows follow the choice. */
const sorted = [...document.querySelectorAll("table.sortable")].map((table) => {
  const rows = [...table.tBodies[0].rows];
  const headings = [...table.tHead.rows[0].cells];
  const order = { column: null, ascending: true };
  const value = (row) => row.cells[order.column].dataset.value ?? row.cells[order.column].textContent;
  const compared = (a, b) => {
    const [x, y] = [value(a), value(b)];
    if (x === "" || y === "") return (x === "") - (y === "");
    const [p, q] = [Number(x), Number(y)];
    const found = Number.isNaN(p) || Number.isNaN(q) ? x.localeCompare(y) : p - q;
    return order.ascending ? found : -found;
  };
  const isPinned = (row) => {
    const variant = data.variants[row.dataset.variant];
    return variant !== undefined && state.pinned.includes(variant.name);
  };
  const arrange = () => {
    const ordered = order.column === null ? [...rows] : [...rows].sort(compared);
    ordered.sort((a, b) => isPinned(b) - isPinned(a));
    if (ordered.some((row, i) => table.tBodies[0].rows[i] !== row)) table.tBodies[0].append(...ordered);
  };
  headings.forEach((heading, column) => {
    heading.querySelector("button")?.addEventListener("click", () => {
      order.ascending = heading.getAttribute("aria-sort") !== "ascending";
      order.column = column;
      headings.forEach((other) => other.removeAttribute("aria-sort"));
      heading.setAttribute("aria-sort", order.ascending ? "ascending" : "descending");
      arrange();
    });
  });
  return { arrange };
});

const following = [...document.querySelectorAll("[data-variant], [data-run]")];
followers.push(() => {
  for (const row of following) {
    const { run, variant } = row.dataset;
    const hidden = !(run ? chosen.has(Number(run)) : shownVariants.has(Number(variant)));
    if (row.hidden !== hidden) row.hidden = hidden;
  }
  sorted.forEach(({ arrange }) => arrange());
});
