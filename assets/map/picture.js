// Both maps as a drawing to take away: the points and the classes, without what one can press.

const SIDE = 460;
const EDGE = 24;
const TITLE = 28;
const ENTRY = 8; // a character of a class's name in the legend, roughly

/** Both maps side by side; a class that is picked out stands out here, too. */
function mapsPicture(root, { data, glyphs, colours, shown }) {
  const width = data.maps.length * (SIDE + EDGE) + 2 * EDGE;
  const entries = legend(data.classes, glyphs, width);
  const below = EDGE + TITLE + SIDE + 32;
  const made = drawing(root, width, below + 22 * (entries.at(-1).row + 1) + EDGE);
  const quiet = plain(getComputedStyle(root.querySelector(".note")).color);
  const line = plain(getComputedStyle(root.querySelector(".frame")).borderTopColor);
  data.maps.forEach(({ title, mark, axes, points }, m) => {
    const [x, y] = [2 * EDGE + m * (SIDE + EDGE), EDGE + TITLE];
    const heading = shape(made, "text", { x, y: y - 10, "font-size": 15, "font-weight": 600 });
    const role = getComputedStyle(root.querySelectorAll(".mark")[m]).color;
    shape(heading, "tspan", { text: `${mark} `, fill: plain(role) });
    shape(heading, "tspan", { text: title });
    shape(made, "rect", { x, y, width: SIDE, height: SIDE, fill: "none", stroke: line });
    const middle = { "font-size": 12, fill: quiet, "text-anchor": "middle" };
    shape(made, "text", { ...middle, x: x + SIDE / 2, y: y + SIDE + 18, text: axes[0] });
    const turned = `translate(${x - 8} ${y + SIDE / 2}) rotate(-90)`;
    shape(made, "text", { ...middle, transform: turned, text: axes[1] });
    placed(points, { width: SIDE, height: SIDE }, INSET).forEach(([px, py], n) => {
      const c = data.labels[n];
      const where = { x: (x + px).toFixed(1), y: (y + py + 4).toFixed(1), fill: colours[c] };
      const look = { "font-size": 12, "font-weight": 600, "text-anchor": "middle" };
      shape(made, "text", { ...where, ...look, opacity: shown(c), text: glyphs[c] });
    });
  });
  entries.forEach(({ x, row, swatch, name }, c) => {
    const entry = shape(made, "text", { x, y: below + 22 * row + 16, "font-size": 13 });
    shape(entry, "tspan", { text: `${swatch} `, fill: colours[c] });
    shape(entry, "tspan", { text: name });
  });
  return made;
}

/** Where the classes' names go, in rows that wrap. */
function legend(classes, glyphs, width) {
  let [x, row] = [2 * EDGE, 0];
  return classes.map(({ name }, c) => {
    const room = ENTRY * (name.length + 4);
    if (x + room > width - EDGE) [x, row] = [2 * EDGE, row + 1];
    const entry = { x, row, name, swatch: swatchOf(glyphs[c], name) };
    x += room;
    return entry;
  });
}
