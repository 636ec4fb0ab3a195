// The lens as a drawing to take away: what the page shows at this T, without what one can press.

const WIDTH = 960;
const MARGIN = 24;
const HEAD = 96; // the image's side, and the room for T beside it
const ROW = 24;
const NUMBER = 72; // right of each bar
const LONGEST = 22; // characters of a class's name
const BOLD = { "font-weight": 600 };

/** The lens at the T and on the axis that it stands at. */
function lensPicture(lens) {
  const { classes, label, roles } = lens.data;
  const titles = MARGIN + HEAD + 32;
  const top = titles + 52;
  const made = drawing(lens.root, WIDTH, top + ROW * (classes.length + 1) + MARGIN);
  const longest = Math.max(...classes.map((name) => shortened(name).length));
  const bars = MARGIN + 24 + 8 * longest + (label === null ? 0 : 64);
  const column = (WIDTH - bars) / roles.length;
  const plan = {
    quiet: plain(getComputedStyle(lens.root.querySelector(".note")).color),
    line: plain(getComputedStyle(lens.root.querySelector(".picture canvas")).borderTopColor),
    columns: roles.map((_, r) => bars + r * column),
    room: column - NUMBER,
    hot: bars - 40,
    titles,
    top,
    words: (x, y, text, more) => shape(made, "text", { x, y, text, "font-size": 14, ...more }),
  };
  addHead(made, lens, plan);
  roles.forEach((_, r) => addRole(made, lens, plan, r));
  classes.forEach((name, c) => {
    const y = plan.top + ROW * c + 17;
    const weight = c === label ? BOLD : {};
    plan.words(MARGIN, y, shortened(name), weight);
    const hot = { ...weight, "text-anchor": "middle" };
    if (label !== null) plan.words(plan.hot, y, c === label ? "1" : "0", hot);
  });
  return made;
}

function addHead(made, { data, axis, output }, { words, quiet, hot, titles }) {
  const { classes, label, image } = data;
  if (image !== null) shapeImage(made, image, MARGIN, MARGIN, HEAD);
  const left = image === null ? MARGIN : 2 * MARGIN + HEAD;
  words(left, MARGIN + 32, `T = ${output.last}`, { ...BOLD, "font-size": 28 });
  if (label !== null) words(left, MARGIN + 60, `Label: ${shortened(classes[label])}`);
  const note = `Probability of each class at T, ${axis} axis. Entropy and KL in nats.`;
  words(left, MARGIN + 84, note, { fill: quiet });
  if (label !== null) words(hot, titles, "Label", { ...BOLD, "text-anchor": "middle" });
}

/** One role's column: title, entropy, KL, bars with their numbers, axis. */
function addRole(made, { data, logs, axis, teacher, table }, plan, r) {
  const { words, quiet, titles, top, room } = plan;
  const x = plan.columns[r];
  const fill = plain(getComputedStyle(table.cells[r][0].node).getPropertyValue("--role"));
  const heading = words(x, titles, "", BOLD);
  shape(heading, "tspan", { text: `${data.roles[r].mark} `, fill });
  shape(heading, "tspan", { text: data.roles[r].title });
  words(x, titles + 20, `Entropy ${short(entropy(logs[r]))}`, { fill: quiet });
  if (teacher >= 0 && r !== teacher) {
    const kl = short(divergence(logs[teacher], logs[r]));
    words(x, titles + 40, `KL ${kl}`, { fill: quiet });
  }
  const bottom = top + ROW * logs[r].length;
  AXES[axis].ticks.forEach((text, t) => {
    const at = x + (t / 2) * room;
    shape(made, "line", { x1: at, x2: at, y1: top, y2: bottom + 4, stroke: plan.line });
    const anchor = t === 0 ? "start" : "middle";
    words(at, bottom + 18, text, { "font-size": 12, fill: quiet, "text-anchor": anchor });
  });
  logs[r].forEach((log, c) => {
    const reach = room * AXES[axis].reach(log);
    const at = { y: top + ROW * c + 4, height: ROW - 8, fill };
    // As on the page: on the log axis, where a length means nothing, only the end has full colour.
    const faint = axis === "log" ? { "fill-opacity": 0.22 } : {};
    shape(made, "rect", { x, width: reach, ...at, ...faint });
    shape(made, "rect", { x: x + Math.max(0, reach - 3), width: 3, ...at });
    const weight = c === data.label ? BOLD : {};
    words(x + room + 8, at.y + 13, short(Math.exp(log)), { "font-size": 12, ...weight });
  });
}

function shortened(name) {
  return name.length > LONGEST ? `${name.slice(0, LONGEST - 1)}…` : name;
}
