// What the lens draws: a table with a row a class and a column a role, whose cells hold the bars.

const ROUND = 6;
const DECADES = 8; // the log axis ends at 1e-8; what is smaller is told by its number alone
const AXES = {
  linear: { reach: (logP) => Math.exp(logP), ticks: ["0", "0.5", "1"] },
  log: {
    reach: (logP) => Math.max(0, 1 + logP / (Math.LN10 * DECADES)),
    ticks: [`≤10⁻${RAISED[DECADES]}`, `10⁻${RAISED[DECADES / 2]}`, "1"],
  },
};

/** Text that is often replaced: written only when it differs. */
class Words {
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

/** The table, made anew when classes, label or roles differ from before. */
class Table {
  constructor(node, { classes, label, roles }) {
    node.replaceChildren();
    node.style.setProperty("--roles", roles.length);
    node.classList.toggle("unlabelled", label === null);
    node.classList.toggle("many", classes.length > 15);
    this.cells = roles.map(() => []);
    this.summaries = [];
    this.ticks = [];
    this.addHead(node, label, roles);
    classes.forEach((name, c) => this.addClass(node, name, c, label, roles));
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
    const kind = { class: "quiet", role: "gridcell", text: "one-hot" };
    if (label !== null) element(sums, "span", kind);
    for (const { role, title, mark } of roles) {
      const heading = element(titles, "span", { role: "columnheader", "data-role": role });
      element(heading, "span", { class: "mark", "aria-hidden": "true", text: mark });
      element(heading, "span", { text: title });
      const cell = element(sums, "div", { role: "gridcell" });
      const line = (name) => {
        const whole = element(cell, "div");
        element(whole, "span", { class: "quiet", text: `${name} ` });
        return new Words(whole, { class: name.toLowerCase() });
      };
      const student = role !== "teacher" && roles.some((other) => other.role === "teacher");
      this.summaries.push({ entropy: line("Entropy"), kl: student ? line("KL") : null });
    }
  }

  addClass(node, name, c, label, roles) {
    const target = c === label;
    const row = element(node, "div", { class: target ? "row target" : "row", role: "row" });
    element(row, "span", { class: "name", role: "rowheader", title: name, text: name });
    if (label !== null) {
      const hot = element(row, "span", { class: "hot", role: "gridcell" });
      element(hot, "span", { text: target ? "1" : "0" });
    }
    roles.forEach(({ role }, r) => {
      const tabindex = r === 0 && c === Math.max(label, 0) ? "0" : "-1";
      const options = { class: "cell", role: "gridcell", "data-role": role, tabindex };
      const cell = element(row, "div", options);
      const bar = element(element(cell, "div", { class: "track" }), "div", { class: "bar" });
      const number = new Words(cell, { class: "number", "aria-hidden": "true" });
      const spoken = new Words(cell, { class: "hidden" });
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
      this.ticks.push([0, 1, 2].map(() => new Words(track)));
    }
  }

  setAxis(node, axis) {
    node.dataset.axis = axis;
    for (const ticks of this.ticks) ticks.forEach((words, t) => words.set(AXES[axis].ticks[t]));
  }

  /**
   * Follow the distributions. Writes only: reading the layout here would force it each frame.
   * Of the numbers beside the bars, which nobody reads in mid-move and which cost more than all
   * the bars, one in ROUND is written in a turn; all of them where there is no turn.
   */
  draw(logs, teacher, axis, turn = null) {
    const { reach } = AXES[axis];
    logs.forEach((logP, r) => {
      const cells = this.cells[r];
      for (let c = 0; c < logP.length; c++) {
        cells[c].bar.transform = `translateX(${(100 * (reach(logP[c]) - 1)).toFixed(3)}%)`;
        const due = turn === null || (c + turn) % ROUND === 0;
        if (due) cells[c].number.set(short(Math.exp(logP[c])));
      }
      this.summaries[r].entropy.set(short(entropy(logP)));
      this.summaries[r].kl?.set(short(divergence(logs[teacher], logP)));
    });
  }
}
