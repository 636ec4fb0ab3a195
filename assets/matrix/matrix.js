// Matrices side by side, refilled in place: a cell is a button that shows what is behind it.
// shared/elements.js, shared/pictures.js, picture.js and matrix.js, in this order, make one module.

const MOST_WITH_TEXT = 10; // columns up to which numbers in the cells can be read on a phone
const MOST_ABREAST = 3;

/** One matrix: a title, the colours' meaning, and a grid of cells that are filled anew in place. */
class Matrix {
  constructor(parent, { rows, columns, corner }, { role, mark }, number) {
    const figure = element(parent, "figure", role ? { "data-role": role } : {});
    this.title = element(figure, "figcaption");
    const sign = { class: "mark", "aria-hidden": "true", text: `${mark} ` };
    if (mark) element(this.title, "span", sign);
    this.name = element(this.title, "span");
    this.legend = element(figure, "div", { class: "legend" });
    this.bar = element(figure, "div", { class: "bar", "aria-hidden": "true" });
    this.ticks = element(figure, "div", { class: "ticks", "aria-hidden": "true" });
    this.grid = element(figure, "div", { class: "grid", role: "grid" });
    this.grid.style.setProperty("--columns", columns.order.length);
    this.across = columns.order.length;
    this.colours = [];
    this.cells = [];
    this.addRows(rows, columns, corner, number);
  }

  addRows(rows, columns, corner, number) {
    const head = element(this.grid, "div", { class: "row", role: "row" });
    element(head, "span", { class: "corner", role: "columnheader" });
    const sight = corner.shown ? "name" : "hidden";
    element(head.firstChild, "span", { class: sight, text: corner.text });
    for (const c of columns.order) {
      element(head, "span", { class: "column", role: "columnheader", text: columns.names[c] });
    }
    rows.order.forEach((r, row) => {
      const line = element(this.grid, "div", { class: "row", role: "row" });
      const text = rows.names[r];
      element(line, "span", { class: "name", role: "rowheader", title: text, text });
      columns.order.forEach((c, column) => {
        const tabindex = row === 0 && column === 0 ? 0 : -1;
        const node = element(line, "div", { class: "cell", role: "gridcell", tabindex });
        element(node, "span", { class: "number", "aria-hidden": "true" });
        element(node, "span", { class: "hidden" });
        node.at = { matrix: this, row, column, cell: [number, r, c] };
        this.cells.push({ node, row, column });
      });
    });
  }

  receive({ title, legend, scale, ticks, cells }, few) {
    this.name.textContent = title;
    this.grid.setAttribute("aria-label", title);
    this.legend.textContent = legend;
    if (this.colours.length !== scale.length) {
      this.bar.replaceChildren();
      this.colours = scale.map(() => element(this.bar, "span"));
    }
    scale.forEach((both, k) => (this.colours[k].style.background = `light-dark(${both})`));
    this.ticks.replaceChildren();
    for (const [share, text] of ticks) {
      element(this.ticks, "span", { text }).style.left = `${100 * share}%`;
    }
    for (const { node } of this.cells) {
      const [, r, c] = node.at.cell;
      const { text, hover, grounds, inks, framed } = cells[r][c];
      node.classList.toggle("none", grounds === null);
      node.classList.toggle("framed", framed);
      node.style.background = grounds === null ? "" : `light-dark(${grounds})`;
      node.style.color = grounds === null ? "" : `light-dark(${inks})`;
      const [number, spoken] = node.children;
      number.textContent = few ? text : "";
      spoken.textContent = hover.replace("\n", ", ");
      node.hover = hover;
    }
  }

  cellAt(row, column) {
    const { across, cells } = this;
    const inside = row >= 0 && column >= 0 && column < across && row < cells.length / across;
    return inside ? cells[row * across + column].node : null;
  }
}

class Matrices {
  constructor(root) {
    this.root = root;
    this.all = root.querySelector(".all");
    this.tip = root.querySelector(".tip");
    this.chosen = null;
    const on = (names, act) => {
      for (const name of names.split(" ")) this.all.addEventListener(name, act);
    };
    on("pointerover focusin", (event) => this.showTip(event.target.closest(".cell")));
    on("pointerleave focusout", () => (this.tip.hidden = true));
    on("click", (event) => this.choose(event.target.closest(".cell")));
    on("keydown", (event) => this.walk(event));
    offerPictures(root.querySelector(".save"), () => ({
      picture: matricesPicture(root, this),
      name: this.data.file,
    }));
  }

  /** New data from the server: the same cells, other numbers; new cells for other classes. */
  receive(data, send) {
    const roles = data.matrices.map(({ role }) => role);
    const shape = JSON.stringify([data.rows, data.columns, data.corner, roles]);
    this.data = data;
    this.send = send;
    if (shape !== this.shape) {
      this.all.replaceChildren();
      this.matrices = data.matrices.map((one, m) => new Matrix(this.all, data, one, m));
      this.all.classList.toggle("many", !this.few);
      this.all.style.setProperty("--abreast", Math.min(roles.length, MOST_ABREAST));
      this.all.style.setProperty("--aspect", data.aspect);
      this.tip.hidden = true;
    }
    this.shape = shape;
    this.root.setAttribute("aria-label", data.label);
    this.root.querySelector(".foot .note").textContent = data.note;
    this.matrices.forEach((matrix, m) => matrix.receive(data.matrices[m], this.few));
    this.mark();
    this.root.hidden = false;
  }

  get few() {
    return this.data.columns.order.length <= MOST_WITH_TEXT;
  }

  /** Frame the chosen cell: in its own matrix, or in each, where they show the same things. */
  mark() {
    for (const { cells } of this.matrices) {
      for (const { node } of cells) {
        node.setAttribute("aria-selected", this.isChosen(node.at.cell));
      }
    }
  }

  isChosen([m, r, c]) {
    const [matrix, row, column] = this.chosen ?? [];
    return r === row && c === column && (m === matrix || !this.data.apart);
  }

  /** A second choice of the same cell lets go of it. */
  choose(node) {
    if (!node || node.classList.contains("none")) return;
    this.chosen = this.isChosen(node.at.cell) ? null : node.at.cell;
    this.mark();
    this.send("cell", this.chosen);
  }

  showTip(node) {
    this.tip.hidden = !node || node.classList.contains("none");
    if (this.tip.hidden) return;
    this.tip.textContent = node.hover;
    const [here, cell] = [this.root.getBoundingClientRect(), node.getBoundingClientRect()];
    const room = here.width - this.tip.offsetWidth;
    const left = Math.max(0, Math.min(cell.left - here.left, room));
    const top = cell.top - here.top - this.tip.offsetHeight - 6;
    this.tip.style.transform = `translate(${left}px, ${top}px)`;
  }

  /** One stop for the tab key in each matrix; arrows go from cell to cell. */
  walk(event) {
    const at = event.target.at;
    if (event.key === "Escape") this.tip.hidden = true;
    if (!at) return;
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      this.choose(event.target);
      return;
    }
    const [down, right] = {
      ArrowUp: [-1, 0],
      ArrowDown: [1, 0],
      ArrowLeft: [0, -1],
      ArrowRight: [0, 1],
    }[event.key] ?? [0, 0];
    if (!down && !right) return;
    event.preventDefault();
    const next = at.matrix.cellAt(at.row + down, at.column + right);
    if (!next) return;
    event.target.tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  }
}

const ROOTS = new WeakMap();

/** Streamlit calls this when the matrices appear, and when their data or the theme has changed. */
export default function ({ parentElement, data, setStateValue }) {
  const root = parentElement.querySelector(".matrices");
  if (!ROOTS.has(root)) ROOTS.set(root, new Matrices(root));
  ROOTS.get(root).receive(data, setStateValue);
  // Nothing to clean up: all listeners are on the matrices' own elements.
}
