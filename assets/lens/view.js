// The table of the lens: a row for each class, a column for each role, a bar in each cell. Of many
// classes only some have a row; the last row is the sum of all others.

const NUMBER_GROUPS = 6; // numbers are written in groups, one group in each frame
const DECADES = 8; // the log axis ends at 1e-8; smaller probabilities have no bar
const AXES = {
  linear: { reach: (logP) => Math.exp(logP), ticks: ["0", "0.5", "1"] },
  log: {
    reach: (logP) => Math.max(0, 1 + logP / (Math.LN10 * DECADES)),
    ticks: [`≤10⁻${SUPERSCRIPTS[DECADES]}`, `10⁻${SUPERSCRIPTS[DECADES / 2]}`, "1"],
  },
};

AXES.linear.percents = ["0 %", "50 %", "100 %"];
AXES.log.percents = [`≤10⁻${SUPERSCRIPTS[DECADES - 2]} %`, "0.01 %", "100 %"];

/** The rows of the table: name, class numbers, and whether the row is the label's. */
function tableRows({ classes, short: briefs, label, rows }, added) {
  const row = (c) => ({ name: classes[c], brief: briefs[c], members: [c], target: c === label });
  const all = [...classes.keys()];
  if (rows === null) return all.map(row);
  const single = added === null || rows.includes(added) ? rows : [...rows, added];
  const members = all.filter((c) => !single.includes(c));
  if (members.length < 2) return [...single, ...members].map(row);
  const [name, brief] = [`The rest (${members.length} classes)`, `The rest (${members.length})`];
  return [...single.map(row), { name, brief, members, target: false, rest: true }];
}

/** A text node that is written only when its text changes. */
class CachedText {
  constructor(parent, attributes) {
    this.node = document.createTextNode("");
    element(parent, "span", attributes).append(this.node);
    this.last = "";
  }

  set(text) {
    if (text === this.last) return;
    this.last = text;
    this.node.data = text;
  }
}

/** The table; rebuilt when rows, label or roles change. */
class Table {
  constructor(node, { label, roles, rows: chosen }, rows) {
    node.replaceChildren();
    node.style.setProperty("--roles", roles.length);
    node.classList.toggle("unlabelled", label === null);
    node.classList.toggle("percent", chosen !== null);
    this.rows = rows;
    this.format = FORMATS[chosen === null ? "shares" : "percent"];
    this.tickTexts = chosen === null ? "ticks" : "percents";
    this.cells = roles.map(() => []);
    this.summaries = [];
    this.ticks = [];
    this.addHead(node, label, roles);
    const first = Math.max(0, rows.findIndex(({ target }) => target));
    rows.forEach((row, c) => this.addRow(node, row, c, c === first, label, roles));
    this.addAxis(node, label, roles);
  }

  addHead(node, label, roles) {
    const titles = element(node, "div", { class: "row titles", role: "row" });
    element(titles, "span", { class: "name", role: "columnheader" });
    element(titles.firstChild, "span", { class: "hidden", text: "Class" });
    if (label !== null) element(titles, "span", { role: "columnheader", text: "Label" });
    const sums = element(node, "div", { class: "row sums", role: "row" });
    element(sums, "span", { class: "name", role: "rowheader" });
    element(sums.firstChild, "span", { class: "hidden", text: "Entropy and KL" });
    const target = { class: "quiet", role: "gridcell", text: "one-hot" };
    if (label !== null) element(sums, "span", target);
    for (const { role, title, mark } of roles) {
      const heading = element(titles, "span", { role: "columnheader", "data-role": role });
      element(heading, "span", { class: "mark", "aria-hidden": "true", text: mark });
      element(heading, "span", { text: title });
      const cell = element(sums, "div", { role: "gridcell" });
      const line = (name) => {
        const node = element(cell, "div");
        element(node, "span", { class: "quiet", text: `${name} ` });
        return new CachedText(node, { class: name.toLowerCase() });
      };
      const student = role !== "teacher" && roles.some((other) => other.role === "teacher");
      this.summaries.push({ entropy: line("Entropy"), kl: student ? line("KL") : null });
    }
  }

  addRow(node, { name, brief, target, rest }, c, isFirst, label, roles) {
    const kind = target ? " target" : rest ? " rest" : "";
    const row = element(node, "div", { class: `row${kind}`, role: "row" });
    const header = element(row, "span", { class: "name", role: "rowheader", title: name });
    // On a phone only shortened names fit.
    if (brief !== name) element(header, "span", { class: "brief", text: brief });
    element(header, "span", { class: brief === name ? "whole" : "full", text: name });
    if (label !== null) {
      const hot = element(row, "span", { class: "hot", role: "gridcell" });
      element(hot, "span", { text: target ? "1" : "0" });
    }
    roles.forEach(({ role }, r) => {
      const tabindex = r === 0 && isFirst ? "0" : "-1";
      const options = { class: "cell", role: "gridcell", "data-role": role, tabindex };
      const cell = element(row, "div", options);
      const bar = element(element(cell, "div", { class: "track" }), "div", { class: "bar" });
      const number = new CachedText(cell, { class: "number", "aria-hidden": "true" });
      const spoken = new CachedText(cell, { class: "hidden" });
      this.cells[r].push({ node: cell, bar: bar.style, number, spoken });
      cell.at = { r, c };
    });
  }

  addAxis(node, label, roles) {
    const row = element(node, "div", { class: "row ticks", "aria-hidden": "true" });
    element(row, "span", { class: "name" });
    if (label !== null) element(row, "span");
    for (const _ of roles) {
      const track = element(element(row, "div", { class: "cell" }), "div", { class: "scale" });
      element(track.parentNode, "span", { class: "number" });
      this.ticks.push([0, 1, 2].map(() => new CachedText(track)));
    }
  }

  setAxis(node, axis) {
    node.dataset.axis = axis;
    for (const ticks of this.ticks) ticks.forEach((text, t) => text.set(AXES[axis][this.tickTexts][t]));
  }

  /**
   * Draw the distributions. It only writes: reading the layout would force one in each frame.
   * The numbers beside the bars take longer than all bars: with a frame number, only every
   * NUMBER_GROUPS-th number is written; without one, all are.
   */
  draw(logs, teacher, axis, frameNumber = null) {
    const { reach } = AXES[axis];
    logs.forEach((logP, r) => {
      const cells = this.cells[r];
      this.rows.forEach(({ members }, c) => {
        const log = members.length === 1 ? logP[members[0]] : logSum(logP, members);
        cells[c].log = log;
        cells[c].bar.transform = `translateX(${(100 * (reach(log) - 1)).toFixed(3)}%)`;
        const due = frameNumber === null || (c + frameNumber) % NUMBER_GROUPS === 0;
        if (due) cells[c].number.set(this.format.short(Math.exp(log)));
      });
      this.summaries[r].entropy.set(short(entropy(logP)));
      this.summaries[r].kl?.set(short(divergence(logs[teacher], logP)));
    });
  }
}
