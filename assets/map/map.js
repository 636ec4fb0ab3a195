// The map of features: the maps of both nets, linked. It gets points and images once. The server
// gets a message only when an image is opened; highlighting happens in the browser.

const INSET = 14; // between the frame and the outermost points
const REACH = 40; // largest distance between the pointer and a point
const FAINT = 0.1; // opacity of the other classes while one is selected
const FULL = 0.8;
const POINT_FONT = "600 12px";
const HIGHLIGHT_FONT = "700 17px";
const RING = 12;
const TIP_SIDE = 84; // CSS pixels of the longer side of the image in the tip
const MAX_BUTTONS = 20; // classes up to which the legend has a button for each
const MAX_NAME = 14; // characters of a class name in the legend
const MAX_TIP_NAME = 40;
const DIRECTIONS = {
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
};

/** Return the mark of a class in the legend; a dot if the glyph is the name itself. */
function legendMark(glyph, name) {
  return glyph === name ? "●" : glyph;
}

/** Colour the marks in the legend; the computed colours are those of the points. */
function swatchColours(swatches, classes) {
  swatches.forEach((swatch, c) => {
    swatch.style.color = `light-dark(${classes[c].light}, ${classes[c].dark})`;
  });
}

/** The map of one net: a canvas with all points, and one above it with the highlighted point. */
class NetMap {
  constructor(parent, { role, title, mark }) {
    this.figure = element(parent, "figure", { class: "net", "data-role": role });
    const caption = element(this.figure, "figcaption");
    element(caption, "span", { class: "mark", "aria-hidden": "true", text: mark });
    element(caption, "span", { text: title });
    this.up = element(this.figure, "span", { class: "up" });
    const options = { class: "frame", role: "application", tabindex: "0" };
    this.frame = element(this.figure, "div", options);
    this.pointsCanvas = element(this.frame, "canvas", { "aria-hidden": "true" });
    this.highlightCanvas = element(this.frame, "canvas", { "aria-hidden": "true" });
    this.across = element(this.figure, "span", { class: "across" });
  }

  receive({ title, axes, points }, count) {
    this.points = points;
    [this.across.textContent, this.up.textContent] = axes;
    const label = `${title}: map of ${count} images; arrow keys move from point to point`;
    this.frame.setAttribute("aria-label", label);
  }

  /** Fit both canvases to the frame, in device pixels. */
  fit() {
    const { clientWidth: width, clientHeight: height } = this.frame;
    this.positions = scalePoints(this.points, { width, height }, INSET);
    for (const canvas of [this.pointsCanvas, this.highlightCanvas]) {
      canvas.width = Math.round(width * devicePixelRatio);
      canvas.height = Math.round(height * devicePixelRatio);
    }
  }

  /** Clear a canvas; return its context, ready for text. */
  clear(canvas, font) {
    const context = canvas.getContext("2d");
    context.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
    context.clearRect(0, 0, this.frame.clientWidth, this.frame.clientHeight);
    context.font = `${font} ${getComputedStyle(this.frame).fontFamily}`;
    context.textAlign = "center";
    context.textBaseline = "middle";
    return context;
  }

  drawPoints({ data, glyphs, colours, opacity }) {
    const context = this.clear(this.pointsCanvas, POINT_FONT);
    glyphs.forEach((glyph, c) => {
      context.fillStyle = colours[c];
      context.globalAlpha = opacity(c);
      this.positions.forEach(([x, y], n) => data.labels[n] === c && context.fillText(glyph, x, y));
    });
  }

  drawHighlight(n, { data, glyphs, colours }) {
    const context = this.clear(this.highlightCanvas, HIGHLIGHT_FONT);
    if (n < 0) return;
    const [x, y] = this.positions[n];
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
    this.status = root.querySelector(".said");
    this.highlighted = -1; // index of a point, in both maps
    this.selected = null; // class number
    this.nets = [];
    new ResizeObserver(() => this.draw()).observe(root.querySelector(".maps"));
    offerPictures(root.querySelector(".save"), () => ({
      picture: mapsPicture(root, this),
      name: this.data.file,
    }));
  }

  /** Take new data from the server, or a new theme. */
  receive(data, open) {
    this.open = open;
    if (data.images.pixels !== this.data?.images.pixels) {
      this.pixels = decodeBytes(data.images.pixels);
      this.highlighted = -1;
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
    this.selected = null;
    this.legend.replaceChildren();
    const { classes } = this.data;
    this.glyphs = classes.map(({ glyph }) => glyph);
    const many = classes.length > MAX_BUTTONS;
    this.swatches = many ? this.addSelect(classes) : this.addButtons(classes);
    swatchColours(this.swatches, classes);
  }

  addButtons(classes) {
    return classes.map(({ name, glyph }, c) => {
      const options = { type: "button", "aria-pressed": "false" };
      const button = element(this.legend, "button", options);
      const swatch = element(button, "span", { class: "swatch", "aria-hidden": "true" });
      swatch.textContent = legendMark(glyph, name);
      const short = shorten(name, MAX_NAME);
      if (short !== name) button.title = name;
      element(button, "span", { text: short });
      button.addEventListener("click", () => this.select(this.selected === c ? null : c));
      return swatch;
    });
  }

  /** A list instead of buttons; the mark of the chosen class is beside it. */
  addSelect(classes) {
    const label = element(this.legend, "label", { text: "Highlight a class " });
    const select = element(label, "select");
    element(select, "option", { value: "", text: "–" });
    classes.forEach(({ name }, c) => {
      element(select, "option", { value: c, text: shorten(name, MAX_TIP_NAME) });
    });
    select.addEventListener("change", () => {
      this.select(select.value === "" ? null : Number(select.value));
    });
    element(this.legend, "span", { class: "quiet", text: "Classes share colours and marks." });
    return classes.map(({ name, glyph }) => {
      const options = { class: "swatch", "aria-hidden": "true", hidden: "" };
      return element(label, "span", { ...options, text: legendMark(glyph, name) });
    });
  }

  addNets() {
    const maps = this.root.querySelector(".maps");
    maps.replaceChildren();
    this.nets = this.data.maps.map((map) => new NetMap(maps, map));
    for (const net of this.nets) {
      net.frame.append(this.tip);
      this.listen(net);
    }
  }

  // -- drawing --------------------------------------------------------------------------------

  /** The opacity of a class. */
  opacity = (c) => (this.selected === null || this.selected === c ? FULL : FAINT);

  draw() {
    // The computed colours of the legend are those of the theme, light or dark.
    this.colours = this.swatches.map((swatch) => plain(getComputedStyle(swatch).color));
    for (const net of this.nets) {
      net.fit();
      net.drawPoints(this);
    }
    this.highlight(this.highlighted);
  }

  select(c) {
    this.selected = c;
    this.legend.querySelectorAll("button").forEach((button, k) => {
      button.setAttribute("aria-pressed", k === c);
    });
    this.legend.querySelectorAll("label .swatch").forEach((swatch, k) => {
      swatch.hidden = k !== c;
    });
    if (this.highlighted >= 0 && !this.selectable(this.highlighted)) this.highlight(-1);
    for (const net of this.nets) net.drawPoints(this);
  }

  selectable = (n) => this.selected === null || this.data.labels[n] === this.selected;

  /** Highlight a point in both maps, and describe it beside the point in `net`. */
  highlight(n, net = null) {
    this.highlighted = n;
    for (const map of this.nets) map.drawHighlight(n, this);
    this.tip.hidden = n < 0 || net === null;
    if (n < 0 || net === null) return;
    drawImage(this.tip.querySelector("canvas"), this.image(n), TIP_SIDE);
    const lines = this.describe(n);
    const description = this.tip.querySelector(".words");
    description.replaceChildren();
    for (const { text, role, mark, wrong } of lines) {
      const line = element(description, "div", wrong ? { class: "wrong" } : {});
      if (mark) element(line, "span", { class: "mark", "data-role": role, text: mark });
      element(line, "span", { text });
    }
    this.placeTip(net, net.positions[n]);
    this.status.textContent = `${lines.map(({ text }) => text).join(". ")}.`;
  }

  image(n) {
    const { height, width, channels } = this.data.images;
    const size = height * width * channels;
    const pixels = this.pixels.subarray(size * n, size * (n + 1));
    return { pixels, height, width, channels };
  }

  describe(n) {
    const { classes, labels, places, answers } = this.data;
    const truth = labels[n];
    const name = (c) => shorten(classes[c].name, MAX_TIP_NAME);
    return [
      { text: `Image ${places[n]}, true class ${name(truth)}` },
      ...answers.map(({ role, title, mark, classes: given }) => {
        const wrong = given[n] !== truth;
        const text = `${title}: ${name(given[n])}${wrong ? ", wrong" : ""}`;
        return { text, role, mark, wrong };
      }),
    ];
  }

  /** Place the tip beside the point, on the side with enough space. */
  placeTip(net, [x, y]) {
    net.frame.append(this.tip);
    const { clientWidth: width, clientHeight: height } = net.frame;
    const { offsetWidth, offsetHeight } = this.tip;
    const ideal = x + RING + offsetWidth < width ? x + RING + 4 : x - RING - 4 - offsetWidth;
    const left = Math.max(4, Math.min(ideal, width - offsetWidth - 4));
    const above = y - RING - 4 - offsetHeight;
    // In a narrow frame the tip is above or below the point, so that it does not cover it.
    const beside = ideal === left;
    const middle = Math.max(4, Math.min(y - offsetHeight / 2, height - offsetHeight - 4));
    const top = beside ? middle : above > 4 ? above : y + RING + 4;
    this.tip.style.transform = `translate(${left}px, ${top}px)`;
  }

  // -- pointer and keys -----------------------------------------------------------------------

  listen(net) {
    const on = (name, handler) => net.frame.addEventListener(name, handler);
    let touched = -1; // point that was highlighted before this touch; null for a mouse
    const pointAt = (event) => {
      const box = net.frame.getBoundingClientRect();
      const position = [event.clientX - box.left - 1, event.clientY - box.top - 1];
      return nearest(net.positions, position, REACH, this.selectable);
    };
    const isTouch = (event) => event.pointerType === "touch";
    on("pointermove", (event) => isTouch(event) || this.highlight(pointAt(event), net));
    on("pointerleave", (event) => isTouch(event) || this.highlight(-1));
    on("pointerdown", (event) => {
      touched = isTouch(event) ? this.highlighted : null;
    });
    on("click", (event) => {
      const n = pointAt(event);
      // A finger cannot hover: the first tap shows the image, the second opens it.
      const shown = touched === null || touched === n;
      this.highlight(n, net);
      if (n >= 0 && shown) this.open(this.data.places[n]);
    });
    on("focus", () => {
      if (this.highlighted < 0 && net.frame.matches(":focus-visible")) this.enter(net);
    });
    on("blur", () => this.highlight(-1));
    on("keydown", (event) => this.moveByKey(event, net));
  }

  /** Highlight the point in the middle. */
  enter(net) {
    const { clientWidth, clientHeight } = net.frame;
    const middle = [clientWidth / 2, clientHeight / 2];
    this.highlight(nearest(net.positions, middle, Infinity, this.selectable), net);
  }

  moveByKey(event, net) {
    const direction = DIRECTIONS[event.key];
    const n = this.highlighted;
    if (event.key === "Escape") this.highlight(-1);
    else if (event.key === "Enter" && n >= 0) this.open(this.data.places[n]);
    else if (direction && n < 0) this.enter(net);
    else if (direction) {
      const next = neighbour(net.positions, n, direction, this.selectable);
      if (next >= 0) this.highlight(next, net);
    } else return;
    event.preventDefault();
  }
}

const MAPS = new WeakMap();

/** Streamlit calls this when the map appears and whenever its data or the theme has changed. */
export default function ({ parentElement, data, setTriggerValue }) {
  const root = parentElement.querySelector(".map");
  if (!MAPS.has(root)) MAPS.set(root, new FeatureMap(root));
  MAPS.get(root).receive(data, (index) => setTriggerValue("opened", index));
  // No clean-up: all listeners are on the map's own elements.
}
