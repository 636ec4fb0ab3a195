// Elements of a component. Names come from the user's data, so they are set as text, never as HTML.
// This file is joined in front of a component's own files; together they make one module.

/** Append a new element with text and attributes, such as its class. */
function element(parent, name, { text, ...attributes } = {}) {
  const created = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) created.setAttribute(key, value);
  if (text !== undefined) created.textContent = text;
  parent.append(created);
  return created;
}

// -- images -------------------------------------------------------------------------------------

/** Convert base64 to bytes. */
function decodeBytes(text) {
  return Uint8Array.from(atob(text), (byte) => byte.charCodeAt(0));
}

/** Call `visit` with index, red, green and blue of each pixel, in row order. */
function eachPixel({ pixels, channels }, visit) {
  const [green, blue] = channels === 3 ? [1, 2] : [0, 0];
  for (let at = 0; at < pixels.length; at += channels) {
    visit(at / channels, pixels[at], pixels[at + green], pixels[at + blue]);
  }
}

/**
 * Draw an image on a canvas whose longer side is `side` CSS pixels.
 * `image` has the bytes `pixels` in row order, `height`, `width`, and `channels`: 1 or 3.
 */
function drawImage(canvas, image, side) {
  const { width, height } = image;
  const scale = side / Math.max(width, height);
  [canvas.width, canvas.height] = [width, height];
  canvas.style.width = `${width * scale}px`;
  canvas.style.height = `${height * scale}px`;
  // Squares instead of a blur where pixels are enlarged; a reduced image needs the mean of pixels.
  canvas.style.imageRendering = scale < 1 ? "auto" : "pixelated";
  const context = canvas.getContext("2d");
  const drawn = context.createImageData(width, height);
  eachPixel(image, (index, ...colour) => drawn.data.set([...colour, 255], 4 * index));
  context.putImageData(drawn, 0, 0);
}

// -- names --------------------------------------------------------------------------------------

const WIDE = /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uffe6]|\p{Extended_Pictographic}/u;

/** Approximate width of a text, in characters; Chinese characters and emoji count twice. */
function textWidth(text) {
  let width = 0;
  for (const character of text) width += WIDE.test(character) ? 2 : 1;
  return width;
}

/** Cut a text to a width in characters, with an ellipsis at its end. */
function shorten(text, maxWidth) {
  if (textWidth(text) <= maxWidth) return text;
  let [short, width] = ["", 0];
  for (const character of text) {
    width += textWidth(character);
    if (width > maxWidth - 1) break;
    short += character;
  }
  return `${short.trimEnd()}…`;
}
