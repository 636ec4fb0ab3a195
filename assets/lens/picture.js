// The lens as an SVG picture for download: what the page shows at this T, without its controls.

const WIDTH = 960;
const MARGIN = 24;
const HEAD = 96; // height of the image, and of T beside it
const ROW = 24;
const NUMBER = 72; // width of the number to the right of each bar
const MAX_NAME = 22; // characters of a class name
const BOLD = { "font-weight": 600 };

/** The lens at its current T and axis. */
function lensPicture(lens) {
  const { label, roles } = lens.data;
  const { rows } = lens.table;
  const titles = MARGIN + HEAD + 32;
  const top = titles + 52;
  const svg = drawing(lens.root, WIDTH, top + ROW * (rows.length + 1) + MARGIN);
  const longest = Math.max(...rows.map(({ name }) => textWidth(shorten(name, MAX_NAME))));
  const bars = MARGIN + 24 + 8 * longest + (label === null ? 0 : 64);
  const column = (WIDTH - bars) / roles.length;
  const plan = {
    quiet: plain(getComputedStyle(lens.root.querySelector(".note")).color),
    line: plain(getComputedStyle(lens.root.querySelector(".picture canvas")).borderTopColor),
    columns: roles.map((_, r) => bars + r * column),
    room: column - NUMBER,
    oneHot: bars - 40,
    titles,
    top,
    text: (x, y, text, more) => shape(svg, "text", { x, y, text, "font-size": 14, ...more }),
  };
  addHead(svg, lens, plan);
  roles.forEach((_, r) => addRole(svg, lens, plan, r));
  rows.forEach(({ name, target }, c) => {
    const y = plan.top + ROW * c + 17;
    const weight = target ? BOLD : {};
    plan.text(MARGIN, y, shorten(name, MAX_NAME), weight);
    const centred = { ...weight, "text-anchor": "middle" };
    if (label !== null) plan.text(plan.oneHot, y, target ? "1" : "0", centred);
  });
  return svg;
}

function addHead(svg, { data, image, axis, output }, { text, quiet, oneHot, titles }) {
  const { classes, label } = data;
  if (image !== null) shapeImage(svg, image, MARGIN, MARGIN, HEAD);
  const left = image === null ? MARGIN : 2 * MARGIN + HEAD;
  text(left, MARGIN + 32, `T = ${output.last}`, { ...BOLD, "font-size": 28 });
  if (label !== null) text(left, MARGIN + 60, `Label: ${shorten(classes[label], MAX_OPTION)}`);
  const note = `Probability of each class at T, ${axis} axis. Entropy and KL in nats.`;
  text(left, MARGIN + 84, note, { fill: quiet });
  if (label !== null) text(oneHot, titles, "Label", { ...BOLD, "text-anchor": "middle" });
}

/** The column of a role: title, entropy, KL, bars with their numbers, axis. */
function addRole(svg, { data, logs, axis, teacher, table }, plan, r) {
  const { text, quiet, titles, top, room } = plan;
  const x = plan.columns[r];
  const fill = plain(getComputedStyle(table.cells[r][0].node).getPropertyValue("--role"));
  const heading = text(x, titles, "", BOLD);
  shape(heading, "tspan", { text: `${data.roles[r].mark} `, fill });
  shape(heading, "tspan", { text: data.roles[r].title });
  text(x, titles + 20, `Entropy ${short(entropy(logs[r]))}`, { fill: quiet });
  if (teacher >= 0 && r !== teacher) {
    const kl = short(divergence(logs[teacher], logs[r]));
    text(x, titles + 40, `KL ${kl}`, { fill: quiet });
  }
  const bottom = top + ROW * table.rows.length;
  AXES[axis][table.tickTexts].forEach((tick, t) => {
    const at = x + (t / 2) * room;
    shape(svg, "line", { x1: at, x2: at, y1: top, y2: bottom + 4, stroke: plan.line });
    const anchor = t === 0 ? "start" : "middle";
    text(at, bottom + 18, tick, { "font-size": 12, fill: quiet, "text-anchor": anchor });
  });
  table.cells[r].forEach(({ log }, c) => {
    const reach = room * AXES[axis].reach(log);
    const at = { y: top + ROW * c + 4, height: ROW - 8, fill };
    // As on the page: on the log axis a length has no meaning, so only the end has full colour.
    const faint = axis === "log" ? { "fill-opacity": 0.22 } : {};
    shape(svg, "rect", { x, width: reach, ...at, ...faint });
    shape(svg, "rect", { x: x + Math.max(0, reach - 3), width: 3, ...at });
    const weight = table.rows[c].target ? BOLD : {};
    text(x + room + 8, at.y + 13, table.format.short(Math.exp(log)), { "font-size": 12, ...weight });
  });
}
