// Computations of the lens and formats of its numbers: pure functions.
// shared/elements.js, shared/pictures.js, numbers.js, view.js, picture.js and lens.js are joined
// in this order into one module.

/** Log of the softmax of logits / T, into `out`. Exact where the softmax itself would underflow. */
function logSoftmax(logits, temperature, out) {
  let max = -Infinity;
  for (const z of logits) max = Math.max(max, z);
  let sum = 0;
  for (const z of logits) sum += Math.exp((z - max) / temperature);
  const logSum = Math.log(sum);
  for (let c = 0; c < logits.length; c++) out[c] = (logits[c] - max) / temperature - logSum;
}

/** Entropy in nats of a distribution, from its log probabilities. */
function entropy(logP) {
  let sum = 0;
  for (const l of logP) sum -= Math.exp(l) * l;
  return Math.max(0, sum);
}

/** KL(p || q) in nats of two distributions, from their log probabilities. */
function divergence(logP, logQ) {
  let sum = 0;
  for (let c = 0; c < logP.length; c++) sum += Math.exp(logP[c]) * (logP[c] - logQ[c]);
  return Math.max(0, sum);
}

/** Log of the sum of the probabilities of some classes. */
function logSum(logP, classes) {
  let sum = 0;
  for (const c of classes) sum += Math.exp(logP[c]);
  return Math.log(sum);
}

/** Indices of the largest values, largest first. */
function largest(values, count) {
  const order = Array.from(values, (_, index) => index);
  return order.sort((a, b) => values[b] - values[a]).slice(0, count);
}

const SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹";

/** A small number as "3·10⁻⁷", with `digits` digits after the decimal point. */
function small(value, digits) {
  if (value === 0) return "0";
  const [front, exponent] = value.toExponential(digits).split("e-");
  return `${front}·10⁻${Array.from(exponent, (digit) => SUPERSCRIPTS[digit]).join("")}`;
}

/** A number of the order of 1, short enough for a table. */
function short(value) {
  return value >= 0.001 ? value.toFixed(3) : small(value, 0);
}

/** A probability with four significant digits. */
function exact(value) {
  return value >= 0.0001 ? value.toPrecision(4) : small(value, 3);
}

const FORMATS = {
  shares: { short, exact },
  // Of many classes most are very unlikely: a percentage says so without powers of ten.
  percent: {
    short: (value) => percent(value, value >= 0.0999 ? 1 : 2),
    exact: (value) => percent(value, value >= 0.0999 ? 2 : 3),
  },
};

function percent(value, digits) {
  return value < 0.0001 ? "<\u00a00.01\u00a0%" : `${(100 * value).toFixed(digits)}\u00a0%`;
}

/** A logit with four significant digits. */
function signed(value) {
  return value.toPrecision(4).replace("-", "−");
}

/** Positions of the slider and their temperatures: log T is linear in the position. */
class Scale {
  constructor(low, high, marks, lastPosition) {
    this.low = low;
    this.ratio = high / low;
    this.lastPosition = lastPosition;
    this.markAt = new Map(marks.map((mark) => [this.position(mark), mark]));
  }

  /** Position of T as a share of the slider's width, 0 to 1. */
  share(temperature) {
    return Math.log(temperature / this.low) / Math.log(this.ratio);
  }

  position(temperature) {
    return Math.round(this.lastPosition * this.share(temperature));
  }

  /** T at a position, with three significant digits; at the position of a mark, the mark. */
  temperature(position) {
    const value = this.low * this.ratio ** (position / this.lastPosition);
    return this.markAt.get(position) ?? Number(value.toPrecision(3));
  }
}
