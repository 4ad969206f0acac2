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
// What is to be pasted elsewhere can be copied; where a browser does not allow that, it is selected.
for (const block of document.querySelectorAll("pre")) {
  const button = document.createElement("button");
  button.className = "copy";
  button.textContent = "Copy";
  const frame = document.createElement("div");
  frame.className = "copyable";
  block.replaceWith(frame);
  frame.append(block, button);
  button.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(block.textContent.trimEnd());
      button.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(block);
      button.textContent = "Selected";
    }
    setTimeout(() => (button.textContent = "Copy"), 2000);
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
// Pointing at a chart, or stepping through it with the arrow keys, says what is there.
const FAR = 24;
for (const figure of document.querySelectorAll("figure.chart")) {
  const svg = figure.querySelector("svg");
  const parts = [...svg.querySelectorAll(".hints rect")].map((rect) => {
    const [x, y, width, height] = ["x", "y", "width", "height"].map((name) => Number(rect.getAttribute(name)));
    const title = rect.querySelector("title");
    title.remove();
    return { x, y, width, height, text: title.textContent };
  });
  const frame = document.createElementNS(svg.namespaceURI, "rect");
  frame.setAttribute("class", "frame");
  svg.append(frame);
  const words = document.createElement("output");
  const button = document.createElement("button");
  button.textContent = "Enlarge";
  figure.append(words, button);
  figure.tabIndex = 0;
  let shown = -1;
  const show = (index) => {
    shown = index;
    const part = parts[index];
    frame.style.display = words.style.display = part ? "block" : "none";
    if (!part) return;
    for (const name of ["x", "y", "width", "height"]) frame.setAttribute(name, part[name]);
    words.textContent = part.text;
    const around = figure.getBoundingClientRect(), box = frame.getBoundingClientRect();
    const beside = box.right - around.left + 8;
    const left = beside + words.offsetWidth < around.width ? beside : box.left - around.left - words.offsetWidth - 8;
    words.style.left = `${Math.max(4, left) + figure.scrollLeft}px`;
    words.style.top = `${Math.max(4, box.top - around.top)}px`;
  };
  const away = (part, x, y) =>
    Math.hypot(Math.max(part.x - x, 0, x - part.x - part.width), Math.max(part.y - y, 0, y - part.y - part.height));
  const nearest = (event) => {
    const { x, y } = new DOMPoint(event.clientX, event.clientY).matrixTransform(svg.getScreenCTM().inverse());
    let best = -1, least = FAR;
    parts.forEach((part, index) => {
      const distance = away(part, x, y) + Math.hypot(part.x + part.width / 2 - x, part.y + part.height / 2 - y) / 1000;
      if (distance < least) [best, least] = [index, distance];
    });
    return best;
  };
  svg.addEventListener("pointermove", (event) => show(nearest(event)));
  svg.addEventListener("pointerdown", (event) => show(nearest(event)));
  svg.addEventListener("pointerleave", () => show(-1));
  figure.addEventListener("blur", () => show(-1));
  const enlarge = (large) => {
    figure.classList.toggle("large", large);
    button.textContent = large ? "Close" : "Enlarge";
    show(-1);
  };
  button.addEventListener("click", () => enlarge(!figure.classList.contains("large")));
  figure.addEventListener("keydown", (event) => {
    const step = { ArrowRight: shown + 1, ArrowLeft: shown - 1, Home: 0, End: parts.length - 1 }[event.key];
    if (step !== undefined && parts.length) {
      show(Math.min(Math.max(step, 0), parts.length - 1));
      event.preventDefault();
    }
    if (event.key === "Escape") enlarge(false);
  });
}
addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((part) => (part.open = true)));
