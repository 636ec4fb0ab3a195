// Figures to take away: an SVG made from the numbers that are shown, in the theme's colours, and
// the same as PNG.

const SVG = "http://www.w3.org/2000/svg";
const SHARPER = 2; // pixels of the PNG for each unit of the drawing

/** A new SVG element with its attributes and its text. */
function shape(parent, name, { text, ...attributes } = {}) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  parent?.append(made);
  return made;
}

/** An empty drawing on the page's background, in the words' colour and font. */
function drawing(root, width, height) {
  const { color, fontFamily } = getComputedStyle(root);
  const ground = getComputedStyle(root).getPropertyValue("--st-background-color");
  const font = `${fontFamily}, sans-serif`;
  const made = shape(null, "svg", { width, height, viewBox: `0 0 ${width} ${height}` });
  made.setAttribute("font-family", font);
  made.setAttribute("fill", plain(color));
  shape(made, "rect", { width, height, fill: plain(ground) });
  return made;
}

/** A colour as #rrggbb: what CSS knows beyond that, most readers of SVG do not. */
function plain(colour) {
  const context = new OffscreenCanvas(1, 1).getContext("2d");
  context.fillStyle = colour;
  context.fillRect(0, 0, 1, 1);
  const [...channels] = context.getImageData(0, 0, 1, 1).data.slice(0, 3);
  return `#${channels.map((value) => value.toString(16).padStart(2, "0")).join("")}`;
}

/** 28×28 greys as squares, so that no reader blurs them. */
function shapeImage(parent, pixels, x, y, side) {
  const one = side / 28;
  const whole = shape(parent, "g", { "shape-rendering": "crispEdges" });
  shape(whole, "rect", { x, y, width: side, height: side, fill: "#000000" });
  pixels.forEach((grey, place) => {
    if (grey === 0) return;
    const [column, row] = [place % 28, Math.floor(place / 28)];
    const at = { x: x + column * one, y: y + row * one, width: one, height: one };
    shape(whole, "rect", { ...at, fill: `rgb(${grey},${grey},${grey})` });
  });
}

/** Let both buttons save what `make` gives: the drawing, and the file's name without its end. */
function offerPictures(node, make) {
  node.addEventListener("click", async ({ target }) => {
    const kind = target.dataset.kind;
    if (!kind) return;
    const { picture, name } = make();
    const text = new XMLSerializer().serializeToString(picture);
    const vector = new Blob([text], { type: "image/svg+xml" });
    hand(kind === "svg" ? vector : await raster(vector, picture), `${name}.${kind}`);
  });
}

async function raster(vector, picture) {
  const image = new Image();
  image.src = URL.createObjectURL(vector);
  await image.decode();
  const [width, height] = ["width", "height"].map((side) => SHARPER * picture.getAttribute(side));
  const canvas = new OffscreenCanvas(width, height);
  canvas.getContext("2d").drawImage(image, 0, 0, width, height);
  URL.revokeObjectURL(image.src);
  return canvas.convertToBlob({ type: "image/png" });
}

function hand(content, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000); // once the browser has surely read it
}
