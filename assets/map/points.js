// Points in the plane: where they stand in a frame, which one is nearest, which one comes next.
// shared/elements.js, shared/pictures.js, points.js, picture.js and map.js, in this order, make one
// module.

/** Points [x, y] within a frame, `margin` from its edges; x to the right, y upwards. */
function placed(points, { width, height }, margin) {
  const [across, up] = [0, 1].map((k) => {
    const values = points.map((point) => point[k]);
    const [low, high] = [Math.min(...values), Math.max(...values)];
    // Where all are the same they stand in the middle.
    return (value) => (high > low ? (value - low) / (high - low) : 0.5);
  });
  return points.map(([x, y]) => [
    margin + across(x) * (width - 2 * margin),
    margin + (1 - up(y)) * (height - 2 * margin),
  ]);
}

/** The place of the point with the lowest cost; -1 where none has one below Infinity. */
function best(points, cost) {
  let [found, least] = [-1, Infinity];
  points.forEach((point, n) => {
    const value = cost(point, n);
    if (value < least) [found, least] = [n, value];
  });
  return found;
}

/** The nearest point to (x, y), not farther than `reach`, of those that may be chosen; else -1. */
function nearest(points, [x, y], reach, may) {
  return best(points, ([px, py], n) => {
    const away = Math.hypot(px - x, py - y);
    return may(n) && away <= reach ? away : Infinity;
  });
}

/** The nearest point from point `from` in a direction, up to 45° aside; else -1. */
function neighbour(points, from, [dx, dy], may) {
  const [x, y] = points[from];
  return best(points, ([px, py], n) => {
    const along = (px - x) * dx + (py - y) * dy;
    const aside = Math.abs((px - x) * dy - (py - y) * dx);
    return may(n) && along > 0 && aside <= along ? Math.hypot(along, aside) : Infinity;
  });
}
