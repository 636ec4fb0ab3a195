// The matrices as a drawing to take away.

const EDGE = 24;
const SQUARE = { few: 34, many: 18 };
const HEAD = 96; // title, colours and column names, above the cells
const NAMES = 7; // a character of a class's name, roughly

/** All matrices side by side, as they stand. */
function matricesPicture(root, { data, matrices }) {
  const { rows, columns, corner } = data;
  const square = columns.order.length > MOST_WITH_TEXT ? SQUARE.many : SQUARE.few;
  const broad = Math.round(square * Math.max(1, data.aspect));
  const heads = corner.shown ? [...rows.names, corner.text] : rows.names;
  const names = EDGE + NAMES * Math.max(...heads.map((name) => name.length));
  const side = broad * columns.order.length;
  const width = EDGE + matrices.length * (names + side + EDGE);
  const made = drawing(root, width, HEAD + square * rows.order.length + 2 * EDGE);
  const quiet = plain(getComputedStyle(root.querySelector(".note")).color);
  const middle = { "text-anchor": "middle" };
  const words = (x, y, text, more) => shape(made, "text", { x, y, text, "font-size": 12, ...more });
  matrices.forEach(({ cells, title, colours }, m) => {
    const x = EDGE + names + m * (names + side + EDGE);
    const y = HEAD + EDGE;
    words(x, EDGE + 8, title.textContent, { "font-size": 15, "font-weight": 600 });
    words(x, EDGE + 28, data.matrices[m].legend, { fill: quiet });
    const part = side / colours.length;
    colours.forEach((node, k) => {
      const fill = plain(getComputedStyle(node).backgroundColor);
      shape(made, "rect", { x: x + k * part, y: EDGE + 34, width: part, height: 10, fill });
    });
    for (const [share, text] of data.matrices[m].ticks) {
      words(x + share * side, EDGE + 58, text, { fill: quiet, ...middle });
    }
    const small = square === SQUARE.many ? { "font-size": 9 } : {};
    columns.order.forEach((c, place) => {
      words(x + (place + 0.5) * broad, y - 8, columns.names[c], { ...middle, ...small });
    });
    rows.order.forEach((r, place) => {
      words(x - 8, y + (place + 0.5) * square + 4, rows.names[r], { "text-anchor": "end" });
    });
    if (corner.shown) words(x - 8, y - 8, corner.text, { "text-anchor": "end", fill: quiet });
    for (const { node, row, column } of cells) {
      if (node.classList.contains("none")) continue;
      const [left, top] = [x + column * broad, y + row * square];
      const { backgroundColor, color } = getComputedStyle(node);
      const box = { x: left + 0.5, y: top + 0.5, width: broad - 1, height: square - 1 };
      shape(made, "rect", { ...box, fill: plain(backgroundColor) });
      if (node.classList.contains("framed")) {
        const inner = { x: left + 4, y: top + 4, width: broad - 8, height: square - 8 };
        shape(made, "rect", { ...inner, fill: "none", stroke: plain(color), "stroke-width": 2 });
      }
      const look = { fill: plain(color), "font-size": 11, ...middle };
      const number = node.firstChild.textContent;
      if (number) words(left + broad / 2, top + square / 2 + 4, number, look);
    }
  });
  return made;
}
