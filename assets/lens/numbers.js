// What the lens computes and how it writes numbers. No page, no state.
// shared/elements.js, shared/pictures.js, numbers.js, view.js, picture.js and lens.js, in this
// order, make one module.

/** Log of the softmax of logits / T, into `out`. Exact where the softmax itself would underflow. */
function logSoftmax(logits, temperature, out) {
  let most = -Infinity;
  for (const z of logits) most = Math.max(most, z);
  let sum = 0;
  for (const z of logits) sum += Math.exp((z - most) / temperature);
  const logSum = Math.log(sum);
  for (let c = 0; c < logits.length; c++) out[c] = (logits[c] - most) / temperature - logSum;
}

/** Entropy in nats of a distribution given by its logs. */
function entropy(logP) {
  let sum = 0;
  for (const l of logP) sum -= Math.exp(l) * l;
  return Math.max(0, sum);
}

/** KL(p || q) in nats of two distributions given by their logs. */
function divergence(logP, logQ) {
  let sum = 0;
  for (let c = 0; c < logP.length; c++) sum += Math.exp(logP[c]) * (logP[c] - logQ[c]);
  return Math.max(0, sum);
}

/** The indices of the largest values, largest first. */
function largest(values, count) {
  const order = Array.from(values, (_, index) => index);
  return order.sort((a, b) => values[b] - values[a]).slice(0, count);
}

const RAISED = "⁰¹²³⁴⁵⁶⁷⁸⁹";

/** "3·10⁻⁷" for a small number, with so many digits after the first. */
function small(value, digits) {
  if (value === 0) return "0";
  const [front, exponent] = value.toExponential(digits).split("e-");
  return `${front}·10⁻${Array.from(exponent, (digit) => RAISED[digit]).join("")}`;
}

/** A number of the order of 1 for a column of such numbers. */
function short(value) {
  return value >= 0.001 ? value.toFixed(3) : small(value, 0);
}

/** A probability with four significant digits. */
function exact(value) {
  return value >= 0.0001 ? value.toPrecision(4) : small(value, 3);
}

/** A logit with four significant digits. */
function signed(value) {
  return value.toPrecision(4).replace("-", "−");
}

/** The slider's places and the temperatures that they stand for: log T is linear in the place. */
class Scale {
  constructor(low, high, marks, places) {
    this.low = low;
    this.ratio = high / low;
    this.places = places;
    this.marked = new Map(marks.map((mark) => [this.place(mark), mark]));
  }

  share(temperature) {
    return Math.log(temperature / this.low) / Math.log(this.ratio);
  }

  place(temperature) {
    return Math.round(this.places * this.share(temperature));
  }

  /** Three significant digits; at the place next to a mark, the mark itself. */
  temperature(place) {
    const value = this.low * this.ratio ** (place / this.places);
    return this.marked.get(place) ?? Number(value.toPrecision(3));
  }
}
