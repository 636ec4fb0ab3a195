// The matrices as an SVG picture for download.

const EDGE = 24;
const CELL_HEIGHT = { withText: 34, withoutText: 18 };
const HEAD = 96; // height of title, legend and column names above the cells
const NUMBER_WIDTH = 36; // of the cells of many columns
const CHARACTER = 7; // approximate width of a character

/** All matrices side by side, with their current values. */
function matricesPicture(root, { data, matrices }) {
  const { rows, columns, corner } = data;
  const many = columns.order.length > MAX_COLUMNS_WITH_TEXT;
  const withText = hasNumbers(data);
  const height = withText && !many ? CELL_HEIGHT.withText : CELL_HEIGHT.withoutText;
  const wide = Math.round(height * Math.max(1, data.aspect));
  const width = withText && many ? NUMBER_WIDTH : wide;
  const headings = corner.shown ? [...rows.names, corner.text] : rows.names;
  const longest = (texts) => CHARACTER * Math.max(...texts.map(textWidth));
  const names = EDGE + longest(headings);
  const side = width * columns.order.length;
  const total = EDGE + matrices.length * (names + side + EDGE);
  const head = HEAD + (data.upright ? longest(columns.names) : 0);
  const svg = drawing(root, total, head + height * rows.order.length + 2 * EDGE);
  const quiet = plain(getComputedStyle(root.querySelector(".note")).color);
  const middle = { "text-anchor": "middle" };
  const addText = (x, y, text, more) =>
    shape(svg, "text", { x, y, text, "font-size": 12, ...more });
  matrices.forEach(({ cells, title, colours }, m) => {
    const x = EDGE + names + m * (names + side + EDGE);
    const y = head + EDGE;
    addText(x, EDGE + 8, title.textContent, { "font-size": 15, "font-weight": 600 });
    addText(x, EDGE + 28, data.matrices[m].legend, { fill: quiet });
    const part = side / colours.length;
    colours.forEach((node, k) => {
      const fill = plain(getComputedStyle(node).backgroundColor);
      shape(svg, "rect", { x: x + k * part, y: EDGE + 34, width: part, height: 10, fill });
    });
    for (const [share, text] of data.matrices[m].ticks) {
      addText(x + share * side, EDGE + 58, text, { fill: quiet, ...middle });
    }
    const small = withText ? {} : { "font-size": 9 };
    columns.order.forEach((c, column) => {
      const [at, name] = [x + (column + 0.5) * width, columns.names[c]];
      const turned = { transform: `translate(${at + 4} ${y - 8}) rotate(-90)` };
      if (data.upright) addText(0, 0, name, turned);
      else addText(at, y - 8, name, { ...middle, ...small });
    });
    rows.order.forEach((r, row) => {
      addText(x - 8, y + (row + 0.5) * height + 4, rows.names[r], { "text-anchor": "end" });
    });
    if (corner.shown) addText(x - 8, y - 8, corner.text, { "text-anchor": "end", fill: quiet });
    for (const { node, row, column } of cells) {
      if (node.classList.contains("none")) continue;
      const [left, top] = [x + column * width, y + row * height];
      const { backgroundColor, color } = getComputedStyle(node);
      const box = { x: left + 0.5, y: top + 0.5, width: width - 1, height: height - 1 };
      shape(svg, "rect", { ...box, fill: plain(backgroundColor) });
      if (node.classList.contains("framed")) {
        const inner = { x: left + 4, y: top + 4, width: width - 8, height: height - 8 };
        shape(svg, "rect", { ...inner, fill: "none", stroke: plain(color), "stroke-width": 2 });
      }
      const style = { fill: plain(color), "font-size": 11, ...middle };
      const number = node.firstChild.textContent;
      if (number) addText(left + width / 2, top + height / 2 + 4, number, style);
    }
  });
  return svg;
}
