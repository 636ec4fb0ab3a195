// Elements of a component. Names come from people's data: they enter the page as text, never as
// HTML. Joined in front of a component's own files; all of them make one module.

/** A new element with its class, text and attributes. */
function element(parent, name, { text, ...attributes } = {}) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  parent.append(made);
  return made;
}

/** 28×28 greys, light on dark, as the nets see them. */
function drawImage(canvas, pixels) {
  const context = canvas.getContext("2d");
  const image = context.createImageData(28, 28);
  pixels.forEach((grey, place) => image.data.set([grey, grey, grey, 255], 4 * place));
  context.putImageData(image, 0, 0);
}
