// Points in the plane: their positions in a frame, the nearest point, the next point.
// shared/elements.js, shared/pictures.js, points.js, picture.js and map.js, in this order, make one
// module.

/** Scale points [x, y] to a frame, `margin` from its edges; x to the right, y upwards. */
function scalePoints(points, { width, height }, margin) {
  const [across, up] = [0, 1].map((k) => {
    const values = points.map((point) => point[k]);
    const [low, high] = [Math.min(...values), Math.max(...values)];
    // Equal values are in the middle.
    return (value) => (high > low ? (value - low) / (high - low) : 0.5);
  });
  return points.map(([x, y]) => [
    margin + across(x) * (width - 2 * margin),
    margin + (1 - up(y)) * (height - 2 * margin),
  ]);
}

/** Return the index of the point with the lowest cost; -1 if no cost is finite. */
function lowestCost(points, cost) {
  let [index, lowest] = [-1, Infinity];
  points.forEach((point, n) => {
    const value = cost(point, n);
    if (value < lowest) [index, lowest] = [n, value];
  });
  return index;
}

/** Return the selectable point nearest to (x, y), at most `reach` away; else -1. */
function nearest(points, [x, y], reach, selectable) {
  return lowestCost(points, ([px, py], n) => {
    const distance = Math.hypot(px - x, py - y);
    return selectable(n) && distance <= reach ? distance : Infinity;
  });
}

/** Return the selectable point nearest to point `from`, within 45° of a direction; else -1. */
function neighbour(points, from, [dx, dy], selectable) {
  const [x, y] = points[from];
  return lowestCost(points, ([px, py], n) => {
    const along = (px - x) * dx + (py - y) * dy;
    const aside = Math.abs((px - x) * dy - (py - y) * dx);
    return selectable(n) && along > 0 && aside <= along ? Math.hypot(along, aside) : Infinity;
  });
}
