// The map of features: both nets' maps, linked. Gets points and images once; what is hovered,
// walked to or picked out never troubles the server. It hears only of an image to be opened.

const INSET = 14; // between the frame and the outermost points
const REACH = 40; // how far from a point the pointer may be
const FAINT = 0.1; // what is left of the other classes while one is picked out
const FULL = 0.8;
const TYPE = "600 12px";
const LIT = "700 17px";
const RING = 12;
const DIRECTIONS = {
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
};

/** What stands for a class in the legend; a class that is its own glyph is not written twice. */
function swatchOf(glyph, name) {
  return glyph === name ? "●" : glyph;
}

/** One net's map: a canvas with all points, and one above it with the one that is lit. */
class Net {
  constructor(parent, { role, title, mark }) {
    this.figure = element(parent, "figure", { class: "net", "data-role": role });
    const caption = element(this.figure, "figcaption");
    element(caption, "span", { class: "mark", "aria-hidden": "true", text: mark });
    element(caption, "span", { text: title });
    this.up = element(this.figure, "span", { class: "up" });
    const options = { class: "frame", role: "application", tabindex: "0" };
    this.frame = element(this.figure, "div", options);
    this.all = element(this.frame, "canvas", { "aria-hidden": "true" });
    this.one = element(this.frame, "canvas", { "aria-hidden": "true" });
    this.across = element(this.figure, "span", { class: "across" });
  }

  receive({ title, axes, points }, count) {
    this.points = points;
    [this.across.textContent, this.up.textContent] = axes;
    const label = `${title}: map of ${count} images; arrow keys walk from point to point`;
    this.frame.setAttribute("aria-label", label);
  }

  /** Fit both canvases to the frame, sharp on any screen. */
  fit() {
    const { clientWidth: width, clientHeight: height } = this.frame;
    this.spots = placed(this.points, { width, height }, INSET);
    for (const canvas of [this.all, this.one]) {
      canvas.width = Math.round(width * devicePixelRatio);
      canvas.height = Math.round(height * devicePixelRatio);
    }
  }

  pen(canvas, font) {
    const context = canvas.getContext("2d");
    context.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
    context.clearRect(0, 0, this.frame.clientWidth, this.frame.clientHeight);
    context.font = `${font} ${getComputedStyle(this.frame).fontFamily}`;
    context.textAlign = "center";
    context.textBaseline = "middle";
    return context;
  }

  drawAll({ data, glyphs, colours, shown }) {
    const context = this.pen(this.all, TYPE);
    glyphs.forEach((glyph, c) => {
      context.fillStyle = colours[c];
      context.globalAlpha = shown(c);
      this.spots.forEach(([x, y], n) => data.labels[n] === c && context.fillText(glyph, x, y));
    });
  }

  drawOne(n, { data, glyphs, colours }) {
    const context = this.pen(this.one, LIT);
    if (n < 0) return;
    const [x, y] = this.spots[n];
    const { color } = getComputedStyle(this.frame);
    context.fillStyle = getComputedStyle(this.frame).getPropertyValue("--st-background-color");
    context.strokeStyle = color;
    context.lineWidth = 2;
    context.beginPath();
    context.arc(x, y, RING, 0, 2 * Math.PI);
    context.fill();
    context.stroke();
    context.fillStyle = colours[data.labels[n]];
    context.fillText(glyphs[data.labels[n]], x, y + 1);
  }
}

class FeatureMap {
  constructor(root) {
    this.root = root;
    this.legend = root.querySelector(".legend");
    this.tip = root.querySelector(".tip");
    this.said = root.querySelector(".said");
    this.lit = -1; // which point, in both maps
    this.picked = null; // which class
    this.nets = [];
    new ResizeObserver(() => this.draw()).observe(root.querySelector(".maps"));
    offerPictures(root.querySelector(".save"), () => ({
      picture: mapsPicture(root, this),
      name: this.data.file,
    }));
  }

  /** New data from the server, or a new theme. */
  receive(data, open) {
    this.open = open;
    if (data.images !== this.data?.images) {
      this.pixels = Uint8Array.from(atob(data.images), (byte) => byte.charCodeAt(0));
      this.lit = -1;
    }
    const classes = JSON.stringify(data.classes);
    const roles = JSON.stringify(data.maps.map(({ role }) => role));
    this.data = data;
    if (classes !== this.classes) this.addLegend();
    if (roles !== this.roles) this.addNets();
    [this.classes, this.roles] = [classes, roles];
    this.nets.forEach((net, m) => net.receive(data.maps[m], data.labels.length));
    this.root.hidden = false;
    this.draw();
  }

  addLegend() {
    this.picked = null;
    this.legend.replaceChildren();
    this.glyphs = this.data.classes.map(({ glyph }) => glyph);
    this.swatches = this.data.classes.map(({ name, glyph, light, dark }, c) => {
      const button = element(this.legend, "button", { type: "button", "aria-pressed": "false" });
      const swatch = element(button, "span", { class: "swatch", "aria-hidden": "true" });
      swatch.textContent = swatchOf(glyph, name);
      swatch.style.color = `light-dark(${light}, ${dark})`;
      element(button, "span", { text: name });
      button.addEventListener("click", () => this.pick(this.picked === c ? null : c));
      return swatch;
    });
  }

  addNets() {
    const maps = this.root.querySelector(".maps");
    maps.replaceChildren();
    this.nets = this.data.maps.map((map) => new Net(maps, map));
    for (const net of this.nets) {
      net.frame.append(this.tip);
      this.listen(net);
    }
  }

  // -- what is seen ---------------------------------------------------------------------------

  /** How strongly a class is drawn. */
  shown = (c) => (this.picked === null || this.picked === c ? FULL : FAINT);

  draw() {
    // The theme decides between light and dark; the legend's own colours tell which.
    this.colours = this.swatches.map((swatch) => plain(getComputedStyle(swatch).color));
    for (const net of this.nets) {
      net.fit();
      net.drawAll(this);
    }
    this.light(this.lit);
  }

  pick(c) {
    this.picked = c;
    [...this.legend.children].forEach((button, k) => button.setAttribute("aria-pressed", k === c));
    if (this.lit >= 0 && !this.may(this.lit)) this.light(-1);
    for (const net of this.nets) net.drawAll(this);
  }

  may = (n) => this.picked === null || this.data.labels[n] === this.picked;

  /** Light a point up in both maps, and say what it is beside the one that is looked at. */
  light(n, net = null) {
    this.lit = n;
    for (const one of this.nets) one.drawOne(n, this);
    this.tip.hidden = n < 0 || net === null;
    if (n < 0 || net === null) return;
    drawImage(this.tip.querySelector("canvas"), this.image(n));
    const lines = this.words(n);
    const words = this.tip.querySelector(".words");
    words.replaceChildren();
    for (const { text, role, mark, wrong } of lines) {
      const line = element(words, "div", wrong ? { class: "wrong" } : {});
      if (mark) element(line, "span", { class: "mark", "data-role": role, text: mark });
      element(line, "span", { text });
    }
    this.place(net, net.spots[n]);
    this.said.textContent = `${lines.map(({ text }) => text).join(". ")}.`;
  }

  image(n) {
    return this.pixels.subarray(784 * n, 784 * (n + 1));
  }

  words(n) {
    const { classes, labels, places, answers } = this.data;
    const truth = labels[n];
    return [
      { text: `Image ${places[n]}, true class ${classes[truth].name}` },
      ...answers.map(({ role, title, mark, classes: given }) => {
        const wrong = given[n] !== truth;
        const text = `${title}: ${classes[given[n]].name}${wrong ? ", wrong" : ""}`;
        return { text, role, mark, wrong };
      }),
    ];
  }

  /** The tip beside the point, on whichever side there is room. */
  place(net, [x, y]) {
    net.frame.append(this.tip);
    const { clientWidth: width, clientHeight: height } = net.frame;
    const { offsetWidth, offsetHeight } = this.tip;
    const free = x + RING + offsetWidth < width ? x + RING + 4 : x - RING - 4 - offsetWidth;
    const left = Math.max(4, Math.min(free, width - offsetWidth - 4));
    const above = y - RING - 4 - offsetHeight;
    // In a frame that is too narrow for a side, above or below: the point itself stays visible.
    const beside = free === left;
    const middle = Math.max(4, Math.min(y - offsetHeight / 2, height - offsetHeight - 4));
    const top = beside ? middle : above > 4 ? above : y + RING + 4;
    this.tip.style.transform = `translate(${left}px, ${top}px)`;
  }

  // -- pointer and keys -----------------------------------------------------------------------

  listen(net) {
    const on = (name, act) => net.frame.addEventListener(name, act);
    let touched = -1; // what a finger had lit before it came down again
    const find = (event) => {
      const box = net.frame.getBoundingClientRect();
      const at = [event.clientX - box.left - 1, event.clientY - box.top - 1];
      return nearest(net.spots, at, REACH, this.may);
    };
    on("pointermove", (event) => event.pointerType !== "touch" && this.light(find(event), net));
    on("pointerleave", (event) => event.pointerType !== "touch" && this.light(-1));
    on("pointerdown", (event) => {
      touched = event.pointerType === "touch" ? this.lit : null;
    });
    on("click", (event) => {
      const n = find(event);
      // A finger cannot hover: its first tap shows the image, the second opens it.
      const seen = touched === null || touched === n;
      this.light(n, net);
      if (n >= 0 && seen) this.open(this.data.places[n]);
    });
    on("focus", () => this.lit < 0 && net.frame.matches(":focus-visible") && this.enter(net));
    on("blur", () => this.light(-1));
    on("keydown", (event) => this.walk(event, net));
  }

  /** Begin in the middle. */
  enter(net) {
    const { clientWidth, clientHeight } = net.frame;
    this.light(nearest(net.spots, [clientWidth / 2, clientHeight / 2], Infinity, this.may), net);
  }

  walk(event, net) {
    const direction = DIRECTIONS[event.key];
    if (event.key === "Escape") this.light(-1);
    else if (event.key === "Enter" && this.lit >= 0) this.open(this.data.places[this.lit]);
    else if (direction && this.lit < 0) this.enter(net);
    else if (direction) {
      const next = neighbour(net.spots, this.lit, direction, this.may);
      if (next >= 0) this.light(next, net);
    } else return;
    event.preventDefault();
  }
}

const MAPS = new WeakMap();

/** Streamlit calls this when the map appears and whenever its data or the theme has changed. */
export default function ({ parentElement, data, setTriggerValue }) {
  const root = parentElement.querySelector(".map");
  if (!MAPS.has(root)) MAPS.set(root, new FeatureMap(root));
  MAPS.get(root).receive(data, (place) => setTriggerValue("opened", place));
  // Nothing to clean up: all listeners are on the map's own elements.
}
