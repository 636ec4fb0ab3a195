// Figures saved as SVG, drawn from the displayed numbers in the theme's colours, and as PNG.

const SVG = "http://www.w3.org/2000/svg";
const PIXELS_PER_UNIT = 2; // of the PNG, for each unit of the drawing

/** Create an SVG element with attributes and text; append it if there is a parent. */
function shape(parent, name, { text, ...attributes } = {}) {
  const created = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) created.setAttribute(key, value);
  if (text !== undefined) created.textContent = text;
  parent?.append(created);
  return created;
}

/** Create an empty drawing with the page's background colour, text colour and font. */
function drawing(root, width, height) {
  const { color, fontFamily } = getComputedStyle(root);
  const background = getComputedStyle(root).getPropertyValue("--st-background-color");
  const font = `${fontFamily}, sans-serif`;
  const created = shape(null, "svg", { width, height, viewBox: `0 0 ${width} ${height}` });
  created.setAttribute("font-family", font);
  created.setAttribute("fill", plain(color));
  shape(created, "rect", { width, height, fill: plain(background) });
  return created;
}

/** Convert a CSS colour to #rrggbb, which every SVG viewer knows. */
function plain(colour) {
  const context = new OffscreenCanvas(1, 1).getContext("2d");
  context.fillStyle = colour;
  context.fillRect(0, 0, 1, 1);
  const [...channels] = context.getImageData(0, 0, 1, 1).data.slice(0, 3);
  return `#${channels.map((value) => value.toString(16).padStart(2, "0")).join("")}`;
}

/** Draw an image as squares, so that no viewer blurs it; its longer side is `side`. */
function shapeImage(parent, image, x, y, side) {
  const { width, height } = image;
  const cell = side / Math.max(width, height);
  const place = `translate(${x} ${y}) scale(${cell})`;
  const group = shape(parent, "g", { "shape-rendering": "crispEdges", transform: place });
  shape(group, "rect", { width, height, fill: "#000000" });
  eachPixel(image, (index, red, green, blue) => {
    if (red + green + blue === 0) return;
    const square = { x: index % width, y: Math.floor(index / width), width: 1, height: 1 };
    shape(group, "rect", { ...square, fill: `rgb(${red},${green},${blue})` });
  });
}

/** Let both buttons save the drawing that `make` returns, with its file name without suffix. */
function offerPictures(node, make) {
  node.addEventListener("click", async ({ target }) => {
    const format = target.dataset.kind;
    if (!format) return;
    const { picture, name } = make();
    const text = new XMLSerializer().serializeToString(picture);
    const vector = new Blob([text], { type: "image/svg+xml" });
    save(format === "svg" ? vector : await rasterise(vector, picture), `${name}.${format}`);
  });
}

async function rasterise(vector, picture) {
  const image = new Image();
  image.src = URL.createObjectURL(vector);
  await image.decode();
  const pixels = (side) => PIXELS_PER_UNIT * picture.getAttribute(side);
  const [width, height] = [pixels("width"), pixels("height")];
  const canvas = new OffscreenCanvas(width, height);
  canvas.getContext("2d").drawImage(image, 0, 0, width, height);
  URL.revokeObjectURL(image.src);
  return canvas.convertToBlob({ type: "image/png" });
}

function save(content, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(content);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000); // the browser has read it by then
}
