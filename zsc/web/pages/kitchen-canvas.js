// What kitchens on a canvas share: its size, plain cells, and cooks that glide from cell to cell. A cell is 1 x 1.
import { make } from "./dom.js";

export const INK = "#3c342e";
export const COUNTER = "#b58e63";
export const FLOOR = "#eee7da";
export const STEEL = "#606068";
export const PLATE = "#fafafa";
const WINDOW = "#96b096";
const STEPS = [[0, -1], [0, 1], [1, 0], [-1, 0]];
const GLIDE = 90;  // milliseconds from cell to cell
const HATS = [[.38, .25, .06], [.3, .25, .06], [.3, .25, .15], [.38, .16, .03]];  // width, height, corners: of oneself, then of others

// scenery(state) draws all but the cooks, item(x, y, what, scale) what they hold. A state has "cooks", each
// [x, y, way, what] or null for one that is not to be seen; the scene of about has width and height. below: pixels
// that are needed under the kitchen.
export function kitchenCanvas(root, about, { scenery, item, below = 0 }) {
  const { width, height } = about.scene;
  const canvas = make("canvas", null, { role: "img", "aria-label": "the kitchen" });
  const holder = make("div"); holder.style.cssText = "display:flex;justify-content:center";
  holder.append(canvas); root.append(holder);
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  const pen = canvas.getContext("2d"), letters = lettersOf(about.names, about.seat);
  let now = null, before = null, since = 0, frame = 0;

  function size() {
    const wide = Math.max(280, root.clientWidth || 700), top = root.getBoundingClientRect().top + scrollY, tall = Math.max(260, innerHeight - Math.min(top, 330) - 62 - below);
    const tile = Math.floor(Math.min(96, wide / width, tall / height)), scale = devicePixelRatio || 1;
    canvas.width = tile * width * scale; canvas.height = tile * height * scale;
    canvas.style.width = `${tile * width}px`; canvas.style.height = `${tile * height}px`;
    pen.setTransform(tile * scale, 0, 0, tile * scale, 0, 0);
    paint();
  }
  function disc(x, y, r, fill, line = INK) {
    pen.beginPath(); pen.arc(x, y, r, 0, 7); pen.fillStyle = fill; pen.fill();
    if (line) { pen.lineWidth = .022; pen.strokeStyle = line; pen.stroke(); }
  }
  function round(x, y, w, h, r) { pen.beginPath(); pen.roundRect(x, y, w, h, r); }
  function write(text, x, y, font = "650 .2px", fill = INK) {
    pen.fillStyle = fill; pen.font = `${font} system-ui`; pen.textAlign = "center"; pen.textBaseline = "middle";
    pen.fillText(text, x, y);
  }

  function floor(x, y) {
    pen.fillStyle = FLOOR; pen.fillRect(x, y, 1, 1);
    pen.strokeStyle = "#ded5c5"; pen.lineWidth = .018; pen.strokeRect(x, y, 1, 1);
  }
  function block(x, y, fill) {
    pen.fillStyle = fill; pen.fillRect(x, y, 1, 1);
    pen.fillStyle = "rgba(255,255,255,.13)"; pen.fillRect(x, y, 1, .09);
    pen.fillStyle = "rgba(60,40,20,.16)"; pen.fillRect(x, y + .91, 1, .09);
    pen.strokeStyle = "rgba(70,50,30,.28)"; pen.lineWidth = .018; pen.strokeRect(x, y, 1, 1);
  }
  function plates(x, y) {
    block(x, y, COUNTER);
    for (const dy of [.11, 0, -.11]) { disc(x + .5, y + .5 + dy, .28, PLATE, "#9c948a"); disc(x + .5, y + .5 + dy, .18, PLATE, "#dcd6cd"); }
  }
  function serving(x, y) {
    block(x, y, WINDOW);
    pen.fillStyle = "#deeede"; round(x + .14, y + .27, .72, .46, .08); pen.fill();
    write("SERVE", x + .5, y + .51, "600 .2px");
  }
  // A pot from above; share: how far it has cooked, null if it does not; left: steps until it is ready.
  function pot(x, y, share, left, soup) {
    disc(x + .5, y + .5, .38, "#2c2c32");
    pen.strokeStyle = "#2c2c32"; pen.lineWidth = .09; pen.beginPath(); pen.moveTo(x + .06, y + .5); pen.lineTo(x + .94, y + .5); pen.stroke();
    if (share === null) return;
    disc(x + .5, y + .5, .31, soup, null);
    pen.beginPath(); pen.moveTo(x + .5, y + .5);
    pen.arc(x + .5, y + .5, .31, -Math.PI / 2, -Math.PI / 2 + 2 * Math.PI * share);
    pen.closePath(); pen.fillStyle = left > 0 ? "#f4bc78" : "#5ca456"; pen.fill();
    write(left > 0 ? left : "✓", x + .5, y + .515, "650 .26px", left > 0 ? INK : "#fff");
  }
  function cook(seat, x, y, way, held) {
    const [dx, dy] = STEPS[way], cx = x + .5, cy = y + .5, own = seat === about.seat, colour = about.colours[seat];
    pen.fillStyle = "rgba(40,30,20,.16)"; pen.beginPath(); pen.ellipse(cx, cy + .33, .3, .1, 0, 0, 7); pen.fill();
    disc(cx, cy, .35, colour, own ? "#fff" : INK);
    if (own) { pen.beginPath(); pen.arc(cx, cy, .385, 0, 7); pen.lineWidth = .035; pen.strokeStyle = colour; pen.stroke(); }
    pen.beginPath(); pen.moveTo(cx + .36 * dx, cy + .36 * dy);
    pen.lineTo(cx + .2 * dx + .15 * dy, cy + .2 * dy + .15 * dx); pen.lineTo(cx + .2 * dx - .15 * dy, cy + .2 * dy - .15 * dx);
    pen.closePath(); pen.fillStyle = "#fff"; pen.fill();
    // a chef's hat, so that cooks are told apart from other discs; its form and a letter, so that colour is not needed
    const [w, h, r] = HATS[own ? 0 : 1 + (seat > about.seat ? seat - 1 : seat) % (HATS.length - 1)];
    pen.fillStyle = "#fff"; pen.strokeStyle = INK; pen.lineWidth = .02;
    round(cx - w / 2, cy - h / 2, w, h, r); pen.fill(); pen.stroke();
    write(letters[seat], cx, cy, h < .2 ? "650 .17px" : "650 .2px");
    item(cx + .3 * dx + .17 * Math.abs(dy), cy + .3 * dy + .17 * Math.abs(dx), held, .78);
  }

  function paint() {
    if (!now) return;
    scenery(now);
    const share = calm.matches || !before ? 1 : Math.min(1, (performance.now() - since) / GLIDE);
    now.cooks.forEach((one, seat) => {
      if (!one) return;
      const [x, y, way, held] = one, [fx, fy] = before?.cooks[seat] || one;
      cook(seat, fx + (x - fx) * share, fy + (y - fy) * share, way, held);
    });
    cancelAnimationFrame(frame);
    if (share < 1) frame = requestAnimationFrame(paint);
  }

  new ResizeObserver(size).observe(root);
  addEventListener("resize", size);
  size();
  return {
    pen, disc, round, write, floor, block, plates, serving, pot,
    draw(state) { before = now; now = state; since = performance.now(); paint(); },
  };
}

// What stands on each cook's hat: "me", or the first letter of its name; its place among the others where letters are the same.
function lettersOf(names, seat) {
  const first = names.map(name => (name[0] || "?").toUpperCase());
  const others = first.filter((_, s) => s !== seat), clear = new Set(others).size === others.length;
  return first.map((letter, s) => s === seat ? "me" : clear ? letter : `${s > seat ? s : s + 1}`);
}

export function keysOf(more) {
  return [make("kbd", "←"), " ", make("kbd", "↑"), " ", make("kbd", "↓"), " ", make("kbd", "→"), " move   ",
    make("kbd", "space"), ` ${more}   (or `, make("kbd", "W A S D"), " and ", make("kbd", "E"), ")"];
}
