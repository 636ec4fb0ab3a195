// The draw pad. When the pen is lifted, the server gets the whole drawing.

const SPACING = 4; // distance between the points of a smooth line, in units of the pad
const LARGE_STEP = 10; // of the pen for an arrow key, in units of the pad
const SMALL_STEP = 2; // with Shift
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const FULL = "Full: undo or clear";

const distance = ([ax, ay], [bx, by]) => Math.hypot(bx - ax, by - ay);
const mirror = ([ax, ay], [mx, my]) => [2 * mx - ax, 2 * my - ay];
const clamp = (value, low, high) => Math.min(Math.max(value, low), high);
const roundToTenth = (value) => Math.round(10 * value) / 10;

/** Return the number of pieces of the line from one point to the next. */
function countPieces(from, to) {
  return Math.max(1, Math.round(distance(from, to) / SPACING));
}

/**
 * Return the point at `share` of the segment from b to c of the curve through a, b, c and d. It is
 * a centripetal Catmull-Rom curve, which has no loops and stays near its points even if they are
 * unevenly spaced (Yuksel, Schaefer and Keyser, 2011).
 */
function curvePoint(a, b, c, d, share) {
  const [ab, bc, cd] = [distance(a, b), distance(b, c), distance(c, d)].map(Math.sqrt);
  const [s, s2, s3] = [share, share ** 2, share ** 3];
  return [0, 1].map((k) => {
    const straight = c[k] - b[k];
    const startTangent = bc * ((b[k] - a[k]) / ab - (c[k] - a[k]) / (ab + bc)) + straight;
    const endTangent = bc * ((d[k] - c[k]) / cd - (d[k] - b[k]) / (bc + cd)) + straight;
    return (
      (2 * s3 - 3 * s2 + 1) * b[k] + (s3 - 2 * s2 + s) * startTangent +
      (3 * s2 - 2 * s3) * c[k] + (s3 - s2) * endTangent
    );
  });
}

/** Return a smooth line through the points, as points close enough for straight lines. */
function smooth(points) {
  const line = [];
  for (let p = 0; p + 1 < points.length; p++) {
    const [b, c] = [points[p], points[p + 1]];
    const a = points[p - 1] ?? mirror(c, b);
    const d = points[p + 2] ?? mirror(b, c);
    const count = countPieces(b, c);
    for (let piece = 0; piece < count; piece++) line.push(curvePoint(a, b, c, d, piece / count));
  }
  line.push(points.at(-1));
  return line.map((point) => point.map(roundToTenth));
}

/** Draw a stroke as it is sent, so that the server makes the same picture of it. */
function drawStroke(context, { width, points }) {
  context.lineWidth = width;
  context.beginPath();
  context.moveTo(...points[0]);
  for (const point of points) context.lineTo(...point);
  // A line without length has no round ends.
  if (points.length === 1) context.lineTo(points[0][0] + 0.01, points[0][1]);
  context.stroke();
}

class Pad {
  constructor(root, { side, widths, width, most }) {
    const find = (selector) => root.querySelector(selector);
    this.root = root;
    this.canvas = find("canvas");
    this.context = this.canvas.getContext("2d");
    this.prompt = find(".prompt");
    this.cursor = find(".cursor");
    this.slider = find("input");
    this.undoButton = find(".undo");
    this.clearButton = find(".clear");
    this.status = find(".said");
    this.side = side;
    this.maxPoints = most;
    this.serial = -1; // of the last change; the server's first one, 0 or more, is higher
    this.strokes = [];
    this.history = []; // `strokes` before each change
    this.stroke = null; // being drawn: its width, the pen's points, the number of points to send
    this.pointer = null; // id of the pointer that draws; null for the keyboard
    this.penPosition = [side / 2, side / 2]; // of the keyboard's pen
    this.frame = 0; // id of the requested animation frame; 0 for none
    // A copy of the help text: screen readers do not read a description inside closed details.
    find("#keys").textContent = find(".keys").textContent;
    [this.slider.min, this.slider.max] = widths;
    this.slider.value = width;
    root.style.setProperty("--side", side);
    root.style.setProperty("--widest", widths[1]);
    this.setBrush();
    this.listen();
    new ResizeObserver(() => this.update()).observe(root);
  }

  /** Take the server's drawing if it is later than the one here. */
  receive({ strokes, serial }, send) {
    this.send = send;
    this.root.hidden = false;
    if (serial > this.serial) {
      this.serial = serial;
      this.strokes = strokes;
      this.history = strokes.map((_, index) => strokes.slice(0, index));
      if (strokes.length) this.announce(this.strokeCount());
    }
    this.update(); // the theme may have changed
  }

  // -- display and status ---------------------------------------------------------------------

  update() {
    const empty = !this.strokes.length && !this.stroke;
    this.prompt.hidden = !empty;
    this.cursor.classList.toggle("down", this.stroke !== null);
    this.setEnabled(this.clearButton, !empty);
    this.setEnabled(this.undoButton, this.history.length > 0 || this.stroke !== null);
    this.frame ||= requestAnimationFrame(() => this.draw());
  }

  /** Enable or disable a button; a disabled button gives its focus to the paper. */
  setEnabled(button, enabled) {
    const losesFocus = !enabled && button.matches(":focus");
    button.disabled = !enabled;
    if (losesFocus) this.canvas.focus({ preventScroll: true });
  }

  draw() {
    this.frame = 0;
    const { canvas, context, side } = this;
    const pixels = Math.round(canvas.clientWidth * devicePixelRatio);
    if (canvas.width !== pixels || canvas.height !== pixels) canvas.width = canvas.height = pixels;
    context.setTransform(pixels / side, 0, 0, pixels / side, 0, 0);
    context.clearRect(0, 0, side, side);
    context.lineCap = context.lineJoin = "round";
    context.strokeStyle = getComputedStyle(canvas).color;
    for (const stroke of this.strokes) drawStroke(context, stroke);
    if (this.stroke) drawStroke(context, this.smoothStroke());
  }

  smoothStroke() {
    return { width: this.stroke.width, points: smooth(this.stroke.points) };
  }

  announce(text) {
    this.status.textContent = text;
  }

  strokeCount() {
    const count = this.strokes.length;
    return `${count || "No"} stroke${count === 1 ? "" : "s"}`;
  }

  setBrush() {
    this.root.style.setProperty("--brush", this.slider.value);
  }

  // -- the pen --------------------------------------------------------------------------------

  penDown(point) {
    if (this.stroke) this.penUp();
    if (this.pointsLeft() < 1) return this.announce(FULL);
    this.stroke = { width: this.slider.valueAsNumber, points: [point], size: 1 };
    this.update();
  }

  moveTo(point) {
    if (!this.stroke) return;
    const { points } = this.stroke;
    if (distance(points.at(-1), point) < 1) return;
    const added = countPieces(points.at(-1), point);
    if (this.pointsLeft() < this.stroke.size + added) {
      this.penUp();
      this.announce(FULL);
      return;
    }
    points.push(point);
    this.stroke.size += added;
    this.update();
  }

  penUp() {
    if (!this.stroke) return;
    const stroke = this.smoothStroke();
    this.stroke = null;
    this.change([...this.strokes, stroke]);
  }

  /** Return how many points the server still takes, without those of the current stroke. */
  pointsLeft() {
    return this.strokes.reduce((left, { points }) => left - points.length, this.maxPoints);
  }

  // -- the drawing ----------------------------------------------------------------------------

  change(strokes) {
    this.history.push(this.strokes);
    this.strokes = strokes;
    this.sendDrawing();
  }

  /** Discard the current stroke, or else undo the last change. */
  undo() {
    if (this.stroke) return this.discardStroke();
    if (!this.history.length) return;
    this.strokes = this.history.pop();
    this.sendDrawing();
  }

  clear() {
    if (this.stroke) this.discardStroke();
    if (this.strokes.length) this.change([]);
  }

  discardStroke() {
    this.stroke = null;
    this.announce(this.strokeCount());
    this.update();
  }

  sendDrawing() {
    this.serial += 1;
    this.send("drawing", { strokes: this.strokes, serial: this.serial });
    this.announce(this.strokeCount());
    this.update();
  }

  // -- pointers and keys ----------------------------------------------------------------------

  listen() {
    const on = (node, events, handler) => {
      for (const name of events.split(" ")) node.addEventListener(name, handler);
    };
    on(this.canvas, "pointerdown", (event) => this.startStroke(event));
    on(this.canvas, "pointermove", (event) => this.extendStroke(event));
    on(this.canvas, "pointerup pointercancel lostpointercapture", (event) => this.endStroke(event));
    on(this.canvas, "keydown", (event) => this.handleKey(event));
    on(this.canvas, "focus", () => this.showCursor(this.canvas.matches(":focus-visible")));
    on(this.canvas, "blur", () => this.handleBlur());
    on(this.slider, "input", () => this.setBrush());
    on(this.undoButton, "click", () => this.undo());
    on(this.clearButton, "click", () => this.clear());
  }

  /** Return an event's position in units of the pad; outside the paper at most one side away. */
  position(event) {
    const { left, top, width } = this.canvas.getBoundingClientRect();
    const scaled = [event.clientX - left, event.clientY - top].map((p) => (p * this.side) / width);
    return scaled.map((p) => clamp(p, -this.side, 2 * this.side));
  }

  startStroke(event) {
    if (!event.isPrimary || event.button !== 0 || this.pointer !== null) return;
    this.canvas.setPointerCapture(event.pointerId);
    this.pointer = event.pointerId;
    this.showCursor(false);
    this.penDown(this.position(event));
  }

  extendStroke(event) {
    if (event.pointerId !== this.pointer) return;
    const coalesced = event.getCoalescedEvents?.() ?? [];
    const events = coalesced.length ? coalesced : [event];
    for (const pointerEvent of events) this.moveTo(this.position(pointerEvent));
  }

  endStroke(event) {
    if (event.pointerId !== this.pointer) return;
    this.pointer = null;
    this.penUp();
  }

  handleKey(event) {
    if (this.pointer !== null) return;
    const action = this.keyAction(event);
    if (!action) return;
    event.preventDefault(); // otherwise the page scrolls
    action();
    this.showCursor(true);
  }

  /** Return the action of a key; nothing if the key belongs to the page or the browser. */
  keyAction({ key, shiftKey, ctrlKey, metaKey, altKey, repeat }) {
    if (altKey) return null;
    if (ctrlKey || metaKey) return key === "z" ? () => this.undo() : null;
    if (key in ARROWS) return () => this.moveBy(ARROWS[key], shiftKey ? SMALL_STEP : LARGE_STEP);
    const actions = {
      " ": () => repeat || (this.stroke ? this.keyboardPenUp() : this.keyboardPenDown()),
      Escape: () => this.stroke && this.keyboardPenUp(),
      Backspace: () => this.undo(),
      Delete: () => this.clear(),
    };
    return actions[key];
  }

  moveBy([right, down], step) {
    const [x, y] = this.penPosition;
    this.penPosition = [x + step * right, y + step * down].map((p) => clamp(p, 0, this.side));
    this.moveTo(this.penPosition);
  }

  keyboardPenDown() {
    this.penDown(this.penPosition);
    if (this.stroke) this.announce("Pen down");
  }

  keyboardPenUp() {
    this.penUp();
    this.announce(`Pen up, ${this.strokeCount()}`);
  }

  handleBlur() {
    this.showCursor(false);
    if (this.pointer === null) this.penUp();
  }

  /** Show or hide the keyboard's pen. */
  showCursor(shown) {
    this.cursor.style.setProperty("--x", this.penPosition[0]);
    this.cursor.style.setProperty("--y", this.penPosition[1]);
    this.cursor.hidden = !shown;
  }
}

const PADS = new WeakMap();

/** Streamlit calls this when the pad appears and whenever its data or the theme has changed. */
export default function ({ parentElement, data, setStateValue }) {
  const root = parentElement.querySelector(".pad");
  if (!PADS.has(root)) PADS.set(root, new Pad(root, data));
  PADS.get(root).receive(data, setStateValue);
  // No clean-up: all listeners are on the pad's own elements.
}
