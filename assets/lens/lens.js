// The temperature lens: gets the logits of one image once and redraws them while T is dragged.

const IMAGE_SIDE = 112; // CSS pixels of the longer side
const MAX_OPTION = 40; // characters of a class name beside the image and in the list
const MANY_NOTE =
  " Rows: the label and the likeliest classes of all nets, the same at every T; the last row is " +
  "the sum of all others.";

class Lens {
  constructor(root, data) {
    this.root = root;
    const find = (selector) => root.querySelector(selector);
    this.range = find("input[type=range]");
    this.output = new CachedText(find("output"));
    this.grid = find(".table");
    this.tip = find(".tip");
    this.axis = "linear";
    this.temperature = data.temperature;
    this.serial = data.serial; // of the last release that was sent to the server
    this.sentTemperature = data.temperature;
    this.dragging = false;
    this.keyDown = false;
    this.frame = 0; // id of the requested animation frame; 0 for none
    this.frameNumber = 0;
    this.addition = find(".addition");
    this.added = null; // class number of the row that the user has added
    this.scale = new Scale(...data.range, data.marks, Number(this.range.max));
    this.addMarks(find(".marks"), data);
    this.listen();
    offerPictures(find(".save"), () => ({
      picture: lensPicture(this),
      name: `lens-T-${this.output.last}`,
    }));
  }

  /** Take new data from the server; elements are rebuilt only for other classes or roles. */
  receive(data, send) {
    const known = JSON.stringify(this.data?.classes);
    if (JSON.stringify(data.classes) !== known) this.offerClasses(data);
    this.data = data;
    this.send = send;
    this.updateTable();
    this.logs = data.roles.map(({ logits }) => new Float64Array(logits.length));
    this.teacher = data.roles.findIndex(({ role }) => role === "teacher");
    // Before the server has processed the last release, its T is older than that of the slider.
    if (data.serial === this.serial && !this.dragging && !this.keyDown) {
      this.temperature = this.sentTemperature = data.temperature;
      this.range.value = this.scale.position(data.temperature);
    }
    this.showImage();
    this.root.hidden = false;
    this.draw();
    this.drawDetails();
  }

  updateTable() {
    const { label, roles, rows: chosen } = this.data;
    const rows = tableRows(this.data, this.added);
    const shape = JSON.stringify([rows, label, chosen === null, roles.map(({ role }) => role)]);
    if (shape !== this.shape) {
      this.table = new Table(this.grid, this.data, rows);
      this.tip.hidden = true;
    }
    this.shape = shape;
    this.table.setAxis(this.grid, this.axis);
  }

  /** Of many classes, any one can be added to the table. */
  offerClasses({ classes, rows }) {
    this.added = null;
    this.addition.hidden = rows === null;
    const select = this.addition.querySelector("select");
    select.replaceChildren();
    element(select, "option", { value: "", text: "–" });
    classes.forEach((name, c) => {
      element(select, "option", { value: c, text: shorten(name, MAX_OPTION) });
    });
  }

  addClass(value) {
    this.added = value === "" ? null : Number(value);
    this.updateTable();
    this.draw();
    this.drawDetails();
  }

  // -- drawing --------------------------------------------------------------------------------

  showImage() {
    const { image, label, classes, rows } = this.data;
    const [canvas, caption] = this.root.querySelector(".picture").children;
    canvas.hidden = image === null;
    caption.textContent = label === null ? "" : `Label: ${shorten(classes[label], MAX_OPTION)}`;
    caption.title = label === null ? "" : classes[label];
    const name = label === null ? "The image" : `The image: ${classes[label]}`;
    canvas.setAttribute("aria-label", name);
    this.image = image && { ...image, pixels: decodeBytes(image.pixels) };
    if (image !== null) drawImage(canvas, this.image, IMAGE_SIDE);
    const uniform = Math.log(classes.length).toFixed(3);
    const kl = this.teacher >= 0 ? "KL(teacher ‖ student) in nats, both at T." : "";
    this.root.querySelector(".note").textContent =
      `Probability of each class at T. Entropy in nats; a uniform distribution over ` +
      `${classes.length} classes has ${uniform}. ${kl}${rows === null ? "" : MANY_NOTE}`;
  }

  /** Draw in the next frames, until all numbers are up to date. */
  scheduleDraw() {
    this.framesLeft = NUMBER_GROUPS;
    this.frame ||= requestAnimationFrame(() => this.step());
  }

  step() {
    this.framesLeft -= 1;
    this.frameNumber += 1;
    this.draw(this.frameNumber);
    this.frame = this.framesLeft > 0 ? requestAnimationFrame(() => this.step()) : 0;
  }

  /** Draw bars and numbers; with a frame number, only the group of numbers that is due. */
  draw(frameNumber) {
    const text = String(Number(this.temperature.toPrecision(3)));
    this.data.roles.forEach(({ logits }, r) => logSoftmax(logits, this.temperature, this.logs[r]));
    this.table.draw(this.logs, this.teacher, this.axis, frameNumber);
    this.output.set(text);
    const role = Math.max(this.teacher, 0);
    const title = this.data.roles[role].title.toLowerCase();
    const nats = `${title} entropy ${entropy(this.logs[role]).toFixed(2)} nats`;
    this.range.setAttribute("aria-valuetext", `T = ${text}, ${nats}`);
    if (!this.tip.hidden) this.fillTip();
  }

  /** Write what is too slow for each frame: exact numbers, and texts for screen readers. */
  drawDetails() {
    const { roles, classes } = this.data;
    this.table.cells.forEach((column, r) => {
      column.forEach(({ node, log, spoken }, c) => {
        node.dataset.probability = Math.exp(log);
        spoken.set(this.describe({ r, c }).join(", "));
      });
    });
    const tops = roles.map(({ title }, r) => {
      const best = largest(this.logs[r], 3);
      const { short } = this.table.format;
      const names = best.map((c) => `${classes[c]} at ${short(Math.exp(this.logs[r][c]))}`);
      return `${title}: ${names.join(", ")}.`;
    });
    this.root.querySelector(".said").textContent = [`T = ${this.output.last}.`, ...tops].join(" ");
  }

  describe({ r, c }) {
    const { title, logits } = this.data.roles[r];
    const { name, members, rest } = this.table.rows[c];
    const probability = this.table.format.exact(Math.exp(this.table.cells[r][c].log));
    const lines = [`${title}: ${name}`, `probability ${probability}`];
    return rest ? lines : [...lines, `logit ${signed(logits[members[0]])}`];
  }

  // -- the slider -----------------------------------------------------------------------------

  addMarks(node, { range, marks }) {
    for (const mark of [range[0], ...marks, range[1]]) {
      const button = element(node, "button", { type: "button", tabindex: "-1", text: mark });
      button.style.setProperty("--at", this.scale.share(mark));
      button.addEventListener("click", () => {
        this.moveTo(this.scale.position(mark));
        this.release();
      });
    }
    // The marks are for the mouse; keyboard focus stays on the slider.
    node.addEventListener("mousedown", (event) => event.preventDefault());
  }

  moveTo(position) {
    this.range.value = position;
    this.temperature = this.scale.temperature(position);
    this.scheduleDraw();
  }

  /** Send T to the server, if it has changed since the last release. */
  release() {
    this.dragging = this.keyDown = false;
    if (this.temperature === this.sentTemperature) return;
    this.draw();
    this.drawDetails();
    this.sentTemperature = this.temperature;
    this.serial += 1;
    this.send("release", { temperature: this.temperature, serial: this.serial });
  }

  listen() {
    const on = (events, handler, node = this.range) => {
      for (const name of events.split(" ")) node.addEventListener(name, handler);
    };
    on("pointerdown", () => (this.dragging = true));
    on("input", () => this.moveTo(this.range.valueAsNumber));
    on("pointerup pointercancel blur", () => this.release());
    // A held key moves the slider repeatedly: T is sent when the key is released.
    on("keydown", () => (this.keyDown = true));
    on("keyup", () => this.release());
    // A change without pointer or key comes from a screen reader.
    on("change", () => this.dragging || this.keyDown || this.release());
    on("change", (event) => this.switchAxis(event), this.root.querySelector(".axis"));
    on("change", ({ target }) => this.addClass(target.value), this.addition);
    on("pointerover focusin", (event) => this.showTip(event), this.grid);
    on("pointerleave focusout", () => (this.tip.hidden = true), this.grid);
    on("keydown", (event) => this.moveFocus(event), this.grid);
  }

  switchAxis(event) {
    this.axis = event.target.value;
    this.table.setAxis(this.grid, this.axis);
    this.scheduleDraw();
  }

  // -- single bars ----------------------------------------------------------------------------

  showTip(event) {
    const cell = event.target.closest(".cell");
    this.tip.hidden = !cell?.at;
    if (this.tip.hidden) return;
    this.tip.at = cell.at;
    this.fillTip();
    const room = this.grid.clientWidth - this.tip.offsetWidth;
    const left = Math.max(0, Math.min(cell.offsetLeft, room));
    // Above the bar; below it for the first classes, where it would cover the entropies.
    const offset = cell.at.c < 3 ? cell.offsetHeight : -this.tip.offsetHeight;
    this.tip.style.transform = `translate(${left}px, ${cell.offsetTop + offset}px)`;
  }

  fillTip() {
    this.tip.textContent = this.describe(this.tip.at).join("\n");
  }

  /** The table is one tab stop; arrow keys move the focus from bar to bar. */
  moveFocus(event) {
    const { cells } = this.table;
    const at = event.target.at;
    if (event.key === "Escape") this.tip.hidden = true;
    const last = this.table.rows.length - 1;
    const steps = {
      ArrowUp: { c: at?.c - 1 },
      ArrowDown: { c: at?.c + 1 },
      ArrowLeft: { r: at?.r - 1 },
      ArrowRight: { r: at?.r + 1 },
      Home: { c: 0 },
      End: { c: last },
    };
    if (!at || !steps[event.key]) return;
    event.preventDefault();
    const { r, c } = { ...at, ...steps[event.key] };
    const next = cells[r]?.[c]?.node;
    if (!next) return;
    event.target.tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  }
}

const LENSES = new WeakMap();

/** Called by Streamlit when the lens is mounted, and when its data or the theme change. */
export default function ({ parentElement, data, setStateValue }) {
  const root = parentElement.querySelector(".lens");
  if (!LENSES.has(root)) LENSES.set(root, new Lens(root, data));
  LENSES.get(root).receive(data, setStateValue);
  // No clean-up needed: all listeners are on elements of the lens.
}
