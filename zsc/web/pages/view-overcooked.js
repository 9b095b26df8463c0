// A kitchen on a canvas, in the colours of the project's films.
import { make } from "../pages/dom.js";
import { COUNTER, PLATE, STEEL, keysOf, kitchenCanvas } from "../pages/kitchen-canvas.js";

const ONION = "#eec43e", TOMATO = "#cd342c", SOUP = "#e28a2e";
const POT = 3, SERVING = 4, FLOOR = 5, TOMATOES = 6;

export function mount(root, about, act) {
  const { width, kinds, pots, orders } = about.scene;
  const canvas = kitchenCanvas(root, about, { scenery, item, below: orders ? 46 * Math.ceil(orders.length / 3) : 0 }), { pen, disc } = canvas;
  const where = c => [c % width, Math.floor(c / width)];
  if (orders) root.append(menu(orders));

  function scenery(now) {
    kinds.forEach((kind, c) => cell(...where(c), kind));
    for (const [c, what] of now.counter) { const [x, y] = where(c); item(x + .5, y + .5, what); }
    pots.forEach((c, i) => pot(...where(c), now.pots[i]));
  }
  function cell(x, y, kind) {
    if (kind === FLOOR) canvas.floor(x, y);
    else if (kind === 2) canvas.plates(x, y);
    else if (kind === SERVING) canvas.serving(x, y);
    else canvas.block(x, y, kind === POT ? STEEL : COUNTER);
    if (kind === 1 || kind === TOMATOES) for (const [dx, dy] of [[-.19, .13], [.19, .13], [0, -.16]]) piece(x + .5 + dx, y + .5 + dy, .19, kind === TOMATOES ? TOMATO : ONION);
  }
  function piece(x, y, r, fill) {
    disc(x, y, r, fill);
    pen.beginPath(); pen.moveTo(x, y - r); pen.lineTo(x + r * .25, y - r * 1.35); pen.lineWidth = .035; pen.strokeStyle = "#7d8b3a"; pen.stroke();
  }
  function inside(x, y, onions, tomatoes, scale = 1) {
    parts(onions, tomatoes).forEach((fill, i, all) => disc(x + .19 * (i - (all.length - 1) / 2) * scale, y, .1 * scale, fill));
  }
  function item(x, y, [what, onions, tomatoes], scale = 1) {
    if (what === 1 || what === 4) { piece(x, y, .19 * scale, what === 4 ? TOMATO : ONION); return; }
    if (what < 2) return;
    disc(x, y, .27 * scale, PLATE, "#8d857b");
    disc(x, y, .19 * scale, what === 3 ? SOUP : PLATE, what === 3 ? "#a35c16" : "#d4cec4");
    if (tomatoes || (what === 3 && onions !== 3)) inside(x, y, onions, tomatoes, scale);
  }
  function pot(x, y, [onions, tomatoes, tick, cook_time]) {
    const cooks = tick >= 0, left = Math.max(0, cook_time - tick);
    canvas.pot(x, y, cooks ? Math.min(tick, cook_time) / Math.max(cook_time, 1) : null, left, SOUP);
    if (!cooks) inside(x + .5, y + .5, onions, tomatoes);
    else if (orders) inside(x + .5, y + .78, onions, tomatoes, .7);  // soups differ here
  }
  return {
    draw: canvas.draw,
    keys: () => keysOf(orders ? "take, put, serve; with empty hands at a pot: cook" : "take, put, serve"),
  };
}

const parts = (onions, tomatoes) => [...Array(onions).fill(ONION), ...Array(tomatoes).fill(TOMATO)];

// What is ordered, and what each soup pays and how long it cooks.
function menu(orders) {
  return make("ul", null, { class: "orders", "aria-label": "orders" }, ...orders.map(([onions, tomatoes, value, time]) => {
    const dots = parts(onions, tomatoes).map(fill => { const dot = make("i", null, { "aria-hidden": "true" }); dot.style.background = fill; return dot; });
    const words = [[onions, "onion"], [tomatoes, "tomato"]].filter(([n]) => n).map(([n, name]) => `${n} ${name}${n > 1 ? name === "tomato" ? "es" : "s" : ""}`).join(", ");
    return make("li", null, {}, ...dots, make("span", words, { class: "sr" }), make("b", `${value} points`), make("span", `${time} steps`));
  }));
}
