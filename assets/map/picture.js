// Both maps as a drawing: the points and the legend, without buttons.

const SIDE = 460;
const EDGE = 24;
const TITLE = 28;
const CHARACTER = 8; // approximate width of a character in the legend

/** Draw both maps side by side; a selected class stands out here, too. */
function mapsPicture(root, { data, glyphs, colours, opacity, selected }) {
  const width = data.maps.length * (SIDE + EDGE) + 2 * EDGE;
  // The colours of many classes repeat, so the legend only has the highlighted one.
  const all = [...data.classes.keys()];
  const named = all.length <= MAX_BUTTONS ? all : all.filter((c) => c === selected);
  const entries = legend(named, data.classes, glyphs, width);
  const below = EDGE + TITLE + SIDE + 32;
  const rows = entries.length ? entries.at(-1).row + 1 : 0;
  const picture = drawing(root, width, below + 22 * rows + EDGE);
  const muted = plain(getComputedStyle(root.querySelector(".note")).color);
  const line = plain(getComputedStyle(root.querySelector(".frame")).borderTopColor);
  data.maps.forEach(({ title, mark, axes, points }, m) => {
    const [x, y] = [2 * EDGE + m * (SIDE + EDGE), EDGE + TITLE];
    const heading = shape(picture, "text", { x, y: y - 10, "font-size": 15, "font-weight": 600 });
    const role = getComputedStyle(root.querySelectorAll(".mark")[m]).color;
    shape(heading, "tspan", { text: `${mark} `, fill: plain(role) });
    shape(heading, "tspan", { text: title });
    shape(picture, "rect", { x, y, width: SIDE, height: SIDE, fill: "none", stroke: line });
    const axisTitle = { "font-size": 12, fill: muted, "text-anchor": "middle" };
    shape(picture, "text", { ...axisTitle, x: x + SIDE / 2, y: y + SIDE + 18, text: axes[0] });
    const rotated = `translate(${x - 8} ${y + SIDE / 2}) rotate(-90)`;
    shape(picture, "text", { ...axisTitle, transform: rotated, text: axes[1] });
    scalePoints(points, { width: SIDE, height: SIDE }, INSET).forEach(([px, py], n) => {
      const c = data.labels[n];
      const position = { x: (x + px).toFixed(1), y: (y + py + 4).toFixed(1), fill: colours[c] };
      const font = { "font-size": 12, "font-weight": 600, "text-anchor": "middle" };
      shape(picture, "text", { ...position, ...font, opacity: opacity(c), text: glyphs[c] });
    });
  });
  entries.forEach(({ x, row, swatch, name, c }) => {
    const entry = shape(picture, "text", { x, y: below + 22 * row + 16, "font-size": 13 });
    shape(entry, "tspan", { text: `${swatch} `, fill: colours[c] });
    shape(entry, "tspan", { text: name });
  });
  return picture;
}

/** Place the names of some classes in rows that wrap. */
function legend(named, classes, glyphs, width) {
  let [x, row] = [2 * EDGE, 0];
  return named.map((c) => {
    const name = shorten(classes[c].name, MAX_TIP_NAME);
    const entryWidth = CHARACTER * (textWidth(name) + 4);
    if (x + entryWidth > width - EDGE) [x, row] = [2 * EDGE, row + 1];
    const entry = { x, row, c, name, swatch: legendMark(glyphs[c], classes[c].name) };
    x += entryWidth;
    return entry;
  });
}
