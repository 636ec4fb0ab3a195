// Matrices side by side whose cells can be chosen. New values are written into the same cells.
// shared/elements.js, shared/pictures.js, picture.js and matrix.js are joined in this order into
// one module.

const MAX_COLUMNS_WITH_TEXT = 10; // numbers in more columns are illegible on a phone
const MAX_PER_ROW = 3;

/** Whether cells have numbers: a wide matrix of upright names is scrolled instead of shrunk. */
function hasNumbers({ columns, upright }) {
  return upright || columns.order.length <= MAX_COLUMNS_WITH_TEXT;
}

/** A matrix: title, legend, and a grid of cells that are updated in place. */
class Matrix {
  constructor(parent, { rows, columns, corner }, { role, mark }, number) {
    const figure = element(parent, "figure", role ? { "data-role": role } : {});
    this.title = element(figure, "figcaption");
    const markAttributes = { class: "mark", "aria-hidden": "true", text: `${mark} ` };
    if (mark) element(this.title, "span", markAttributes);
    this.name = element(this.title, "span");
    this.legend = element(figure, "div", { class: "legend" });
    this.bar = element(figure, "div", { class: "bar", "aria-hidden": "true" });
    this.ticks = element(figure, "div", { class: "ticks", "aria-hidden": "true" });
    const frame = element(figure, "div", { class: "frame" });
    this.grid = element(frame, "div", { class: "grid", role: "grid" });
    this.grid.style.setProperty("--columns", columns.order.length);
    this.columnCount = columns.order.length;
    this.colours = [];
    this.cells = [];
    this.addRows(rows, columns, corner, number);
  }

  addRows(rows, columns, corner, number) {
    const head = element(this.grid, "div", { class: "row", role: "row" });
    element(head, "span", { class: "corner", role: "columnheader" });
    const visibility = corner.shown ? "name" : "hidden";
    element(head.firstChild, "span", { class: visibility, text: corner.text });
    for (const c of columns.order) {
      const text = columns.names[c];
      const title = columns.titles?.[c] ?? text;
      element(head, "span", { class: "column", role: "columnheader", title, text });
    }
    rows.order.forEach((r, row) => {
      const line = element(this.grid, "div", { class: "row", role: "row" });
      const text = rows.names[r];
      const title = rows.titles?.[r] ?? text;
      element(line, "span", { class: "name", role: "rowheader", title, text });
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

  receive({ title, legend, scale, ticks, cells }, withText) {
    this.name.textContent = title;
    this.grid.setAttribute("aria-label", title);
    this.legend.textContent = legend;
    if (this.colours.length !== scale.length) {
      this.bar.replaceChildren();
      this.colours = scale.map(() => element(this.bar, "span"));
    }
    scale.forEach((colours, k) => {
      this.colours[k].style.background = `light-dark(${colours})`;
    });
    this.ticks.replaceChildren();
    for (const [share, text] of ticks) {
      element(this.ticks, "span", { text }).style.left = `${100 * share}%`;
    }
    for (const { node } of this.cells) {
      const [, r, c] = node.at.cell;
      const { text, hover, background, colour, framed } = cells[r][c];
      node.classList.toggle("none", background === null);
      node.classList.toggle("framed", framed);
      node.style.background = background === null ? "" : `light-dark(${background})`;
      node.style.color = colour === null ? "" : `light-dark(${colour})`;
      const [number, spoken] = node.children;
      number.textContent = withText ? text : "";
      spoken.textContent = hover.replace("\n", ", ");
      node.hover = hover;
    }
  }

  cellAt(row, column) {
    const { columnCount, cells } = this;
    const rowCount = cells.length / columnCount;
    const inside = row >= 0 && column >= 0 && column < columnCount && row < rowCount;
    return inside ? cells[row * columnCount + column].node : null;
  }
}

class Matrices {
  constructor(root) {
    this.root = root;
    this.all = root.querySelector(".all");
    this.tip = root.querySelector(".tip");
    this.chosen = null;
    const on = (events, handler) => {
      for (const name of events.split(" ")) this.all.addEventListener(name, handler);
    };
    on("pointerover focusin", (event) => this.showTip(event.target.closest(".cell")));
    on("pointerleave focusout", () => (this.tip.hidden = true));
    on("click", (event) => this.choose(event.target.closest(".cell")));
    on("keydown", (event) => this.moveFocus(event));
    offerPictures(root.querySelector(".save"), () => ({
      picture: matricesPicture(root, this),
      name: this.data.file,
    }));
  }

  /** Take new data from the server; cells are rebuilt only for other rows, columns or roles. */
  receive(data, send) {
    const roles = data.matrices.map(({ role }) => role);
    const shape = JSON.stringify([data.rows, data.columns, data.corner, data.upright, roles]);
    this.data = data;
    this.send = send;
    if (shape !== this.shape) {
      this.all.replaceChildren();
      this.matrices = data.matrices.map((matrix, m) => new Matrix(this.all, data, matrix, m));
      this.all.classList.toggle("many", data.columns.order.length > MAX_COLUMNS_WITH_TEXT);
      this.all.classList.toggle("upright", data.upright);
      this.all.style.setProperty("--abreast", Math.min(roles.length, MAX_PER_ROW));
      this.all.style.setProperty("--aspect", data.aspect);
      this.tip.hidden = true;
    }
    this.shape = shape;
    this.root.setAttribute("aria-label", data.label);
    this.root.querySelector(".foot .note").textContent = data.note;
    this.matrices.forEach((matrix, m) => matrix.receive(data.matrices[m], this.withText));
    this.markChosen();
    this.root.hidden = false;
  }

  get withText() {
    return hasNumbers(this.data);
  }

  /** Frame the chosen cell: in its own matrix only if `apart`, else in every matrix. */
  markChosen() {
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

  /** Choose a cell; choosing it again removes the choice. */
  choose(node) {
    if (!node || node.classList.contains("none")) return;
    this.chosen = this.isChosen(node.at.cell) ? null : node.at.cell;
    this.markChosen();
    this.send("cell", this.chosen);
  }

  showTip(node) {
    this.tip.hidden = !node || node.classList.contains("none");
    if (this.tip.hidden) return;
    this.tip.textContent = node.hover;
    const [frame, cell] = [this.root.getBoundingClientRect(), node.getBoundingClientRect()];
    const room = frame.width - this.tip.offsetWidth;
    const left = Math.max(0, Math.min(cell.left - frame.left, room));
    const top = cell.top - frame.top - this.tip.offsetHeight - 6;
    this.tip.style.transform = `translate(${left}px, ${top}px)`;
  }

  /** Each matrix is one tab stop; arrow keys move the focus from cell to cell. */
  moveFocus(event) {
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

/** Called by Streamlit when the matrices are mounted, and when their data or the theme change. */
export default function ({ parentElement, data, setStateValue }) {
  const root = parentElement.querySelector(".matrices");
  if (!ROOTS.has(root)) ROOTS.set(root, new Matrices(root));
  ROOTS.get(root).receive(data, setStateValue);
  // No clean-up needed: all listeners are on elements of the matrices.
}
