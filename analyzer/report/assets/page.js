"use strict";
// A click on a column's head sorts its table; numbers by what they mean: 400 ms comes before 1.2 s.
const SCALE = { ms: 1, s: 1000, min: 60000, h: 3600000 };
const meaning = (cell) => {
  const text = cell.textContent.trim();
  const match = /^[$]?(-?[\d,]*\.?\d+)(?:\s*(ms|s|min|h)(?![a-z]))?/.exec(text);
  if (text === "–" || text === "") return { rank: 2, value: 0, text };
  return match ? { rank: 0, value: Number(match[1].replaceAll(",", "")) * (SCALE[match[2]] ?? 1), text } : { rank: 1, value: 0, text };
};
const compare = (a, b) => a.rank - b.rank || a.value - b.value || a.text.localeCompare(b.text, "en");
for (const table of document.querySelectorAll("table")) {
  const heads = [...table.querySelectorAll("thead th")];
  const body = table.tBodies[0];
  if (!body || body.rows.length < 2) continue;
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const up = head.getAttribute("aria-sort") !== "ascending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      const rows = [...body.rows].map((row) => ({ row, key: meaning(row.cells[column]) }));
      rows.sort((a, b) => (a.key.rank === 2 || b.key.rank === 2 ? a.key.rank - b.key.rank : (up ? 1 : -1) * compare(a.key, b.key)));
      body.append(...rows.map(({ row }) => row));
    });
  });
}
// The mark of a query leads into a folded part, which has to open.
const reveal = () => {
  const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  const folded = target && target.closest("details");
  if (folded) {
    folded.open = true;
    target.scrollIntoView();
  }
};
addEventListener("hashchange", reveal);
reveal();
// A click enlarges a chart, another or Escape brings it back.
for (const chart of document.querySelectorAll("img.chart")) {
  chart.tabIndex = 0;
  chart.addEventListener("click", () => chart.classList.toggle("large"));
  chart.addEventListener("keydown", (event) => {
    if (event.key === "Enter") chart.classList.toggle("large");
  });
}
addEventListener("keydown", (event) => {
  if (event.key === "Escape") document.querySelectorAll("img.large").forEach((chart) => chart.classList.remove("large"));
});
addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((part) => (part.open = true)));
