// The temperature lens: takes the logits of one image once, and follows T while it is dragged.

class Lens {
  constructor(root, data) {
    this.root = root;
    const find = (selector) => root.querySelector(selector);
    this.range = find("input[type=range]");
    this.output = new Words(find("output"));
    this.grid = find(".table");
    this.tip = find(".tip");
    this.axis = "linear";
    this.temperature = data.temperature;
    this.told = data.heard; // how many releases the server was told of
    this.sent = data.temperature;
    this.dragged = false;
    this.keyed = false;
    this.frame = 0;
    this.turn = 0;
    this.scale = new Scale(...data.range, data.marks, Number(this.range.max));
    this.addMarks(find(".marks"), data);
    this.listen();
    offerPictures(find(".save"), () => ({
      picture: lensPicture(this),
      name: `lens-T-${this.output.last}`,
    }));
  }

  /** New data from the server: the same elements, other numbers. */
  receive(data, send) {
    const shape = JSON.stringify([data.classes, data.label, data.roles.map(({ role }) => role)]);
    if (shape !== this.shape) {
      this.table = new Table(this.grid, data);
      this.tip.hidden = true;
    }
    this.shape = shape;
    this.data = data;
    this.send = send;
    this.logs = data.roles.map(({ logits }) => new Float64Array(logits.length));
    this.teacher = data.roles.findIndex(({ role }) => role === "teacher");
    // A page that has not yet heard of the last release knows less than the slider does.
    if (data.heard === this.told && !this.dragged && !this.keyed) {
      this.temperature = this.sent = data.temperature;
      this.range.value = this.scale.place(data.temperature);
    }
    this.table.setAxis(this.grid, this.axis);
    this.showImage();
    this.root.hidden = false;
    this.draw();
    this.settle();
  }

  // -- what is seen ---------------------------------------------------------------------------

  showImage() {
    const { image, label, classes } = this.data;
    const [canvas, caption] = this.root.querySelector(".picture").children;
    canvas.hidden = image === null;
    caption.textContent = label === null ? "" : `Label: ${classes[label]}`;
    const named = label === null ? "The image" : `The image: ${classes[label]}`;
    canvas.setAttribute("aria-label", named);
    if (image !== null) drawImage(canvas, image);
    const uniform = Math.log(classes.length).toFixed(3);
    this.root.querySelector(".note").textContent =
      `Probability of each class at T. Entropy in nats; uniform over ${classes.length} classes ` +
      `it is ${uniform}. ${this.teacher >= 0 ? "KL(teacher ‖ student) in nats, both at T." : ""}`;
  }

  /** Draw in the next frame, and go on until all numbers have had their turn. */
  follow() {
    this.owed = ROUND;
    this.frame ||= requestAnimationFrame(() => this.step());
  }

  step() {
    this.owed -= 1;
    this.turn += 1;
    this.draw(this.turn);
    this.frame = this.owed > 0 ? requestAnimationFrame(() => this.step()) : 0;
  }

  draw(turn) {
    const text = String(Number(this.temperature.toPrecision(3)));
    this.data.roles.forEach(({ logits }, r) => logSoftmax(logits, this.temperature, this.logs[r]));
    this.table.draw(this.logs, this.teacher, this.axis, turn);
    this.output.set(text);
    const told = Math.max(this.teacher, 0);
    const title = this.data.roles[told].title.toLowerCase();
    const nats = `${title} entropy ${entropy(this.logs[told]).toFixed(2)} nats`;
    this.range.setAttribute("aria-valuetext", `T = ${text}, ${nats}`);
    if (!this.tip.hidden) this.fillTip();
  }

  /** What need not follow each frame: the numbers in full, and words for who does not see bars. */
  settle() {
    const { roles, classes } = this.data;
    this.logs.forEach((logP, r) => {
      logP.forEach((l, c) => {
        const { node, spoken } = this.table.cells[r][c];
        node.dataset.probability = Math.exp(l);
        spoken.set(this.words({ r, c }).join(", "));
      });
    });
    const tops = roles.map(({ title }, r) => {
      const best = largest(this.logs[r], 3);
      const named = best.map((c) => `${classes[c]} at ${short(Math.exp(this.logs[r][c]))}`);
      return `${title}: ${named.join(", ")}.`;
    });
    this.root.querySelector(".said").textContent = [`T = ${this.output.last}.`, ...tops].join(" ");
  }

  words({ r, c }) {
    const { roles, classes } = this.data;
    return [
      `${roles[r].title}: ${classes[c]}`,
      `probability ${exact(Math.exp(this.logs[r][c]))}`,
      `logit ${signed(roles[r].logits[c])}`,
    ];
  }

  // -- the slider -----------------------------------------------------------------------------

  addMarks(node, { range, marks }) {
    for (const mark of [range[0], ...marks, range[1]]) {
      const button = element(node, "button", { type: "button", tabindex: "-1", text: mark });
      button.style.setProperty("--at", this.scale.share(mark));
      button.addEventListener("click", () => {
        this.moveTo(this.scale.place(mark));
        this.letGo();
      });
    }
    // The marks are a short cut for the mouse; the keyboard stays with the slider.
    node.addEventListener("mousedown", (event) => event.preventDefault());
  }

  moveTo(place) {
    this.range.value = place;
    this.temperature = this.scale.temperature(place);
    this.follow();
  }

  letGo() {
    this.dragged = this.keyed = false;
    if (this.temperature === this.sent) return;
    this.draw();
    this.settle();
    this.sent = this.temperature;
    this.told += 1;
    this.send("release", { temperature: this.sent, serial: this.told });
  }

  listen() {
    const on = (names, act, node = this.range) => {
      for (const name of names.split(" ")) node.addEventListener(name, act);
    };
    on("pointerdown", () => (this.dragged = true));
    on("input", () => this.moveTo(this.range.valueAsNumber));
    on("pointerup pointercancel blur", () => this.letGo());
    // A key that is held down moves on and on: it is let go of when it comes up.
    on("keydown", () => (this.keyed = true));
    on("keyup", () => this.letGo());
    // Neither pointer nor key: a screen reader's own gesture.
    on("change", () => this.dragged || this.keyed || this.letGo());
    on("change", (event) => this.switchAxis(event), this.root.querySelector(".axis"));
    on("pointerover focusin", (event) => this.showTip(event), this.grid);
    on("pointerleave focusout", () => (this.tip.hidden = true), this.grid);
    on("keydown", (event) => this.walk(event), this.grid);
  }

  switchAxis(event) {
    this.axis = event.target.value;
    this.table.setAxis(this.grid, this.axis);
    this.follow();
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
    // Above the bar, or below it where it would hide the entropies.
    const away = cell.at.c < 3 ? cell.offsetHeight : -this.tip.offsetHeight;
    this.tip.style.transform = `translate(${left}px, ${cell.offsetTop + away}px)`;
  }

  fillTip() {
    this.tip.textContent = this.words(this.tip.at).join("\n");
  }

  /** One stop for the tab key; arrows go from bar to bar. */
  walk(event) {
    const { cells } = this.table;
    const at = event.target.at;
    if (event.key === "Escape") this.tip.hidden = true;
    const last = this.data.classes.length - 1;
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

/** Streamlit calls this when the lens appears and whenever its data or the theme has changed. */
export default function ({ parentElement, data, setStateValue }) {
  const root = parentElement.querySelector(".lens");
  if (!LENSES.has(root)) LENSES.set(root, new Lens(root, data));
  LENSES.get(root).receive(data, setStateValue);
  // Nothing to clean up: all listeners are on the lens's own elements.
}
