// The draw pad. What is drawn stays here until the pen is lifted; then the server gets all of it.

const STEP = 4; // how far apart the points of a smooth line are, in units of the pad
const FAR = 10; // what an arrow key moves the pen by
const NEAR = 2; // the same with Shift
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const FULL = "Full: undo or clear";

const distance = ([ax, ay], [bx, by]) => Math.hypot(bx - ax, by - ay);
const mirrored = ([ax, ay], [mx, my]) => [2 * mx - ax, 2 * my - ay];
const within = (value, low, high) => Math.min(Math.max(value, low), high);
const tenth = (value) => Math.round(10 * value) / 10;

/** In how many pieces a line from one point to the next is drawn. */
function pieces(from, to) {
  return Math.max(1, Math.round(distance(from, to) / STEP));
}

/**
 * The point at `share` of the way from b to c on the line through a, b, c and d: a centripetal
 * Catmull-Rom curve, which neither loops nor strays far where points are unevenly spaced
 * (Yuksel, Schaefer and Keyser, 2011).
 */
function between(a, b, c, d, share) {
  const [ab, bc, cd] = [distance(a, b), distance(b, c), distance(c, d)].map(Math.sqrt);
  const [s, s2, s3] = [share, share ** 2, share ** 3];
  return [0, 1].map((k) => {
    const straight = c[k] - b[k];
    const leaves = bc * ((b[k] - a[k]) / ab - (c[k] - a[k]) / (ab + bc)) + straight;
    const arrives = bc * ((d[k] - c[k]) / cd - (d[k] - b[k]) / (bc + cd)) + straight;
    return (
      (2 * s3 - 3 * s2 + 1) * b[k] + (s3 - 2 * s2 + s) * leaves +
      (3 * s2 - 2 * s3) * c[k] + (s3 - s2) * arrives
    );
  });
}

/** A smooth line through the points, as points so close that straight lines join them. */
function smooth(points) {
  const line = [];
  for (let p = 0; p + 1 < points.length; p++) {
    const [b, c] = [points[p], points[p + 1]];
    const a = points[p - 1] ?? mirrored(c, b);
    const d = points[p + 2] ?? mirrored(b, c);
    const count = pieces(b, c);
    for (let piece = 0; piece < count; piece++) line.push(between(a, b, c, d, piece / count));
  }
  line.push(points.at(-1));
  return line.map((point) => point.map(tenth));
}

/** Exactly what is sent, so that the picture made of it is the picture that was seen. */
function trace(context, { width, points }) {
  context.lineWidth = width;
  context.beginPath();
  context.moveTo(...points[0]);
  for (const point of points) context.lineTo(...point);
  // A line of no length has no ends to be round.
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
    this.undoer = find(".undo");
    this.clearer = find(".clear");
    this.said = find(".said");
    this.side = side;
    this.most = most;
    this.serial = -1; // of the last change; the server's first word, 0 or more, is news
    this.strokes = [];
    this.past = []; // what `strokes` was before each change
    this.stroke = null; // being drawn: its width, the points the pen was at, how many to send
    this.pointer = null; // the one that draws it; none when the keyboard does
    this.at = [side / 2, side / 2]; // where the keyboard's pen is
    this.frame = 0;
    // Described by its own copy: what is folded away is not read out as a description.
    find("#keys").textContent = find(".keys").textContent;
    [this.slider.min, this.slider.max] = widths;
    this.slider.value = width;
    root.style.setProperty("--side", side);
    root.style.setProperty("--widest", widths[1]);
    this.setBrush();
    this.listen();
    new ResizeObserver(() => this.follow()).observe(root);
  }

  /** A drawing from the server, which the person's own goes before unless it is older. */
  receive({ strokes, serial }, send) {
    this.send = send;
    this.root.hidden = false;
    if (serial > this.serial) {
      this.serial = serial;
      this.strokes = strokes;
      this.past = strokes.map((_, index) => strokes.slice(0, index));
      if (strokes.length) this.say(this.counted());
    }
    this.follow(); // the theme may be another
  }

  // -- what is seen and said ------------------------------------------------------------------

  follow() {
    const empty = !this.strokes.length && !this.stroke;
    this.prompt.hidden = !empty;
    this.cursor.classList.toggle("down", this.stroke !== null);
    this.allow(this.clearer, !empty);
    this.allow(this.undoer, this.past.length > 0 || this.stroke !== null);
    this.frame ||= requestAnimationFrame(() => this.draw());
  }

  /** The keyboard goes on with the paper where the button that it was on can do no more. */
  allow(button, allowed) {
    const left = !allowed && button.matches(":focus");
    button.disabled = !allowed;
    if (left) this.canvas.focus({ preventScroll: true });
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
    for (const stroke of this.strokes) trace(context, stroke);
    if (this.stroke) trace(context, this.drawn());
  }

  drawn() {
    return { width: this.stroke.width, points: smooth(this.stroke.points) };
  }

  say(text) {
    this.said.textContent = text;
  }

  counted() {
    const count = this.strokes.length;
    return `${count || "No"} stroke${count === 1 ? "" : "s"}`;
  }

  setBrush() {
    this.root.style.setProperty("--brush", this.slider.value);
  }

  // -- the pen --------------------------------------------------------------------------------

  lower(point) {
    if (this.stroke) this.lift();
    if (this.room() < 1) return this.say(FULL);
    this.stroke = { width: this.slider.valueAsNumber, points: [point], size: 1 };
    this.follow();
  }

  moveTo(point) {
    if (!this.stroke) return;
    const { points } = this.stroke;
    if (distance(points.at(-1), point) < 1) return;
    const more = pieces(points.at(-1), point);
    if (this.room() < this.stroke.size + more) {
      this.lift();
      this.say(FULL);
      return;
    }
    points.push(point);
    this.stroke.size += more;
    this.follow();
  }

  lift() {
    if (!this.stroke) return;
    const stroke = this.drawn();
    this.stroke = null;
    this.change([...this.strokes, stroke]);
  }

  /** How many points more the server would take, those of the stroke being drawn left out. */
  room() {
    return this.strokes.reduce((room, { points }) => room - points.length, this.most);
  }

  // -- the drawing ----------------------------------------------------------------------------

  change(strokes) {
    this.past.push(this.strokes);
    this.strokes = strokes;
    this.tell();
  }

  /** Drops the stroke being drawn, or else takes back the last change. */
  undo() {
    if (this.stroke) return this.drop();
    if (!this.past.length) return;
    this.strokes = this.past.pop();
    this.tell();
  }

  clear() {
    if (this.stroke) this.drop();
    if (this.strokes.length) this.change([]);
  }

  drop() {
    this.stroke = null;
    this.say(this.counted());
    this.follow();
  }

  tell() {
    this.serial += 1;
    this.send("drawing", { strokes: this.strokes, serial: this.serial });
    this.say(this.counted());
    this.follow();
  }

  // -- pointers and keys ----------------------------------------------------------------------

  listen() {
    const on = (node, names, act) => {
      for (const name of names.split(" ")) node.addEventListener(name, act);
    };
    on(this.canvas, "pointerdown", (event) => this.press(event));
    on(this.canvas, "pointermove", (event) => this.drag(event));
    on(this.canvas, "pointerup pointercancel lostpointercapture", (event) => this.release(event));
    on(this.canvas, "keydown", (event) => this.type(event));
    on(this.canvas, "focus", () => this.point(this.canvas.matches(":focus-visible")));
    on(this.canvas, "blur", () => this.leave());
    on(this.slider, "input", () => this.setBrush());
    on(this.undoer, "click", () => this.undo());
    on(this.clearer, "click", () => this.clear());
  }

  /** Where an event is on the pad. Off the paper, no farther than a line there could be seen. */
  place(event) {
    const { left, top, width } = this.canvas.getBoundingClientRect();
    const scaled = [event.clientX - left, event.clientY - top].map((p) => (p * this.side) / width);
    return scaled.map((p) => within(p, -this.side, 2 * this.side));
  }

  press(event) {
    if (!event.isPrimary || event.button !== 0 || this.pointer !== null) return;
    this.canvas.setPointerCapture(event.pointerId);
    this.pointer = event.pointerId;
    this.point(false);
    this.lower(this.place(event));
  }

  drag(event) {
    if (event.pointerId !== this.pointer) return;
    const passed = event.getCoalescedEvents?.() ?? [];
    for (const one of passed.length ? passed : [event]) this.moveTo(this.place(one));
  }

  release(event) {
    if (event.pointerId !== this.pointer) return;
    this.pointer = null;
    this.lift();
  }

  type(event) {
    if (this.pointer !== null) return;
    const act = this.meant(event);
    if (!act) return;
    event.preventDefault(); // else the page scrolls
    act();
    this.point(true);
  }

  /** What a key does here; nothing where it is the page's or the browser's. */
  meant({ key, shiftKey, ctrlKey, metaKey, altKey, repeat }) {
    if (altKey) return null;
    if (ctrlKey || metaKey) return key === "z" ? () => this.undo() : null;
    if (key in ARROWS) return () => this.walk(ARROWS[key], shiftKey ? NEAR : FAR);
    const acts = {
      " ": () => repeat || (this.stroke ? this.raise() : this.dip()),
      Escape: () => this.stroke && this.raise(),
      Backspace: () => this.undo(),
      Delete: () => this.clear(),
    };
    return acts[key];
  }

  walk([right, down], by) {
    const [x, y] = this.at;
    this.at = [x + by * right, y + by * down].map((p) => within(p, 0, this.side));
    this.moveTo(this.at);
  }

  dip() {
    this.lower(this.at);
    if (this.stroke) this.say("Pen down");
  }

  raise() {
    this.lift();
    this.say(`Pen up, ${this.counted()}`);
  }

  leave() {
    this.point(false);
    if (this.pointer === null) this.lift();
  }

  /** Show where the keyboard's pen is, or hide it. */
  point(shown) {
    this.cursor.style.setProperty("--x", this.at[0]);
    this.cursor.style.setProperty("--y", this.at[1]);
    this.cursor.hidden = !shown;
  }
}

const PADS = new WeakMap();

/** Streamlit calls this when the pad appears and whenever its data or the theme has changed. */
export default function ({ parentElement, data, setStateValue }) {
  const root = parentElement.querySelector(".pad");
  if (!PADS.has(root)) PADS.set(root, new Pad(root, data));
  PADS.get(root).receive(data, setStateValue);
  // Nothing to clean up: all listeners are on the pad's own elements.
}
