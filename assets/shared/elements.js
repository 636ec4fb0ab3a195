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

/** Draw 28×28 grey values, light on dark, as in the net input. */
function drawImage(canvas, pixels) {
  const context = canvas.getContext("2d");
  const image = context.createImageData(28, 28);
  pixels.forEach((grey, index) => image.data.set([grey, grey, grey, 255], 4 * index));
  context.putImageData(image, 0, 0);
}
