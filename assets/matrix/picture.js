// The matrices as a drawing to take away.

const EDGE = 24;
const SQUARE = { few: 34, many: 18 };
const HEAD = 96; // title, colours and column names, above the cells
const NAMES = 7; // a character of a class's name, roughly

/** All matrices side by side, as they stand. */
function matricesPicture(root, { data, matrices }) {
  const { classes, order } = data;
  const square = classes.length > MOST_WITH_TEXT ? SQUARE.many : SQUARE.few;
  const names = EDGE + NAMES * Math.max(...classes.map((name) => name.length));
  const side = square * classes.length;
  const width = EDGE + matrices.length * (names + side + EDGE);
  const made = drawing(root, width, HEAD + side + 2 * EDGE);
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
    order.forEach((c, place) => {
      const at = (place + 0.5) * square;
      const small = square === SQUARE.many ? { "font-size": 9 } : {};
      words(x + at, y - 8, classes[c], { ...middle, ...small });
      words(x - 8, y + at + 4, classes[c], { "text-anchor": "end" });
    });
    for (const { node, row, column } of cells) {
      if (node.classList.contains("none")) continue;
      const [left, top] = [x + column * square, y + row * square];
      const { backgroundColor, color } = getComputedStyle(node);
      const box = { x: left + 0.5, y: top + 0.5, width: square - 1, height: square - 1 };
      shape(made, "rect", { ...box, fill: plain(backgroundColor) });
      const look = { fill: plain(color), "font-size": 11, ...middle };
      const number = node.firstChild.textContent;
      if (number) words(left + square / 2, top + square / 2 + 4, number, look);
    }
  });
  return made;
}
