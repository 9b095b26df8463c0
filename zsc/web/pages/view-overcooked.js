// A kitchen on a canvas, in the colours of the project's films.
import { make } from "../pages/dom.js";

const FILL = ["#b58e63", "#b58e63", "#b58e63", "#606068", "#96b096", "#eee7da", "#b58e63"];
const INK = "#3c342e", ONION = "#eec43e", TOMATO = "#cd342c", SOUP = "#e28a2e", PLATE = "#fafafa";
const STEPS = [[0, -1], [0, 1], [1, 0], [-1, 0]];
const GLIDE = 90;  // milliseconds from cell to cell

export function mount(root, about, act) {
  const { width, height, kinds, pots } = about.scene;
  const canvas = make("canvas", null, { role: "img", "aria-label": "the kitchen" });
  const holder = make("div"); holder.style.cssText = "display:flex;justify-content:center";
  holder.append(canvas); root.append(holder);
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  let now = null, before = null, since = 0, tile = 64, frame = 0;

  function size() {
    const wide = Math.max(280, root.clientWidth || 700), top = root.getBoundingClientRect().top + scrollY, tall = Math.max(260, innerHeight - Math.min(top, 330) - 62);
    tile = Math.floor(Math.min(96, wide / width, tall / height));
    const scale = devicePixelRatio || 1;
    canvas.width = tile * width * scale; canvas.height = tile * height * scale;
    canvas.style.width = `${tile * width}px`; canvas.style.height = `${tile * height}px`;
    pen.setTransform(tile * scale, 0, 0, tile * scale, 0, 0);
    paint();
  }
  const pen = canvas.getContext("2d");
  const disc = (x, y, r, fill, line = INK) => {
    pen.beginPath(); pen.arc(x, y, r, 0, 7); pen.fillStyle = fill; pen.fill();
    if (line) { pen.lineWidth = .022; pen.strokeStyle = line; pen.stroke(); }
  };

  function cell(x, y, kind) {
    pen.fillStyle = FILL[kind]; pen.fillRect(x, y, 1, 1);
    if (kind === 5) { pen.strokeStyle = "#ded5c5"; pen.lineWidth = .018; pen.strokeRect(x, y, 1, 1); return; }
    pen.fillStyle = "rgba(255,255,255,.13)"; pen.fillRect(x, y, 1, .09);
    pen.fillStyle = "rgba(60,40,20,.16)"; pen.fillRect(x, y + .91, 1, .09);
    pen.strokeStyle = "rgba(70,50,30,.28)"; pen.lineWidth = .018; pen.strokeRect(x, y, 1, 1);
    if (kind === 1 || kind === 6) for (const [dx, dy] of [[-.19, .13], [.19, .13], [0, -.16]]) onion(x + .5 + dx, y + .5 + dy, .19, kind === 6 ? TOMATO : ONION);
    if (kind === 2) for (const dy of [.11, 0, -.11]) { disc(x + .5, y + .5 + dy, .28, PLATE, "#9c948a"); disc(x + .5, y + .5 + dy, .18, PLATE, "#dcd6cd"); }
    if (kind === 4) {
      pen.fillStyle = "#deeede"; round(x + .14, y + .27, .72, .46, .08); pen.fill();
      pen.fillStyle = INK; pen.font = "600 .2px system-ui"; pen.textAlign = "center"; pen.textBaseline = "middle";
      pen.fillText("SERVE", x + .5, y + .51);
    }
  }
  function round(x, y, w, h, r) { pen.beginPath(); pen.roundRect(x, y, w, h, r); }
  function onion(x, y, r, fill = ONION) {
    disc(x, y, r, fill);
    pen.beginPath(); pen.moveTo(x, y - r); pen.lineTo(x + r * .25, y - r * 1.35); pen.lineWidth = .035; pen.strokeStyle = "#7d8b3a"; pen.stroke();
  }
  const parts = (onions, tomatoes) => [...Array(onions).fill(ONION), ...Array(tomatoes).fill(TOMATO)];
  function inside(x, y, onions, tomatoes, scale = 1) {
    parts(onions, tomatoes).forEach((fill, i) => disc(x + .19 * (i - 1) * scale, y, .1 * scale, fill));
  }
  function item(x, y, [what, onions, tomatoes], scale = 1) {
    if (what === 1 || what === 4) { onion(x, y, .19 * scale, what === 4 ? TOMATO : ONION); return; }
    if (what < 2) return;
    disc(x, y, .27 * scale, PLATE, "#8d857b");
    disc(x, y, .19 * scale, what === 3 ? SOUP : PLATE, what === 3 ? "#a35c16" : "#d4cec4");
    if (tomatoes || (what === 3 && onions !== 3)) inside(x, y, onions, tomatoes, scale);
  }
  function pot(x, y, [onions, tomatoes, tick, cook_time]) {
    disc(x + .5, y + .5, .38, "#2c2c32");
    pen.strokeStyle = "#2c2c32"; pen.lineWidth = .09; pen.beginPath(); pen.moveTo(x + .06, y + .5); pen.lineTo(x + .94, y + .5); pen.stroke();
    if (tick >= 0) {
      const ready = tick >= cook_time;
      disc(x + .5, y + .5, .31, SOUP, null);
      pen.beginPath(); pen.moveTo(x + .5, y + .5);
      pen.arc(x + .5, y + .5, .31, -Math.PI / 2, -Math.PI / 2 + 2 * Math.PI * Math.min(tick, cook_time) / Math.max(cook_time, 1));
      pen.closePath(); pen.fillStyle = ready ? "#5ca456" : "#f4bc78"; pen.fill();
      pen.fillStyle = ready ? "#fff" : INK; pen.font = "650 .26px system-ui"; pen.textAlign = "center"; pen.textBaseline = "middle";
      pen.fillText(ready ? "✓" : cook_time - tick, x + .5, y + .515);
    } else inside(x + .5, y + .5, onions, tomatoes);
  }
  function cook(seat, x, y, way, held) {
    const [dx, dy] = STEPS[way], cx = x + .5, cy = y + .5, own = seat === about.seat;
    pen.fillStyle = "rgba(40,30,20,.16)"; pen.beginPath(); pen.ellipse(cx, cy + .33, .3, .1, 0, 0, 7); pen.fill();
    disc(cx, cy, .35, about.colours[seat], own ? "#fff" : INK);
    if (own) { pen.beginPath(); pen.arc(cx, cy, .385, 0, 7); pen.lineWidth = .035; pen.strokeStyle = about.colours[seat]; pen.stroke(); }
    pen.beginPath(); pen.moveTo(cx + .36 * dx, cy + .36 * dy);
    pen.lineTo(cx + .2 * dx + .15 * dy, cy + .2 * dy + .15 * dx); pen.lineTo(cx + .2 * dx - .15 * dy, cy + .2 * dy - .15 * dx);
    pen.closePath(); pen.fillStyle = "#fff"; pen.fill();
    // a chef's hat, so that cooks are told apart from other discs; a letter, so that colour is not needed
    pen.fillStyle = "#fff"; pen.strokeStyle = INK; pen.lineWidth = .02;
    round(cx - (own ? .19 : .15), cy - .13, own ? .38 : .3, .25, .06); pen.fill(); pen.stroke();
    pen.fillStyle = INK; pen.font = "650 .2px system-ui"; pen.textAlign = "center"; pen.textBaseline = "middle";
    pen.fillText(own ? "me" : (about.names[seat][0] || "?").toUpperCase(), cx, cy);
    item(cx + .3 * dx + .17 * Math.abs(dy), cy + .3 * dy + .17 * Math.abs(dx), held, .78);
  }

  function paint() {
    if (!now) return;
    for (let c = 0; c < kinds.length; c++) cell(c % width, Math.floor(c / width), kinds[c]);
    for (const [c, what] of now.counter) item(c % width + .5, Math.floor(c / width) + .5, what);
    pots.forEach((c, i) => pot(c % width, Math.floor(c / width), now.pots[i]));
    const share = calm.matches || !before ? 1 : Math.min(1, (performance.now() - since) / GLIDE);
    now.cooks.forEach(([x, y, way, held], seat) => {
      const [fx, fy] = before ? before.cooks[seat] : [x, y];
      cook(seat, fx + (x - fx) * share, fy + (y - fy) * share, way, held);
    });
    cancelAnimationFrame(frame);
    if (share < 1) frame = requestAnimationFrame(paint);
  }

  new ResizeObserver(size).observe(root);
  addEventListener("resize", size);
  size();
  return {
    draw(state) { before = now; now = state; since = performance.now(); paint(); },
    keys() {
      return [make("kbd", "←"), " ", make("kbd", "↑"), " ", make("kbd", "↓"), " ", make("kbd", "→"), " move   ",
        make("kbd", "space"), " take, put, serve   (or ", make("kbd", "W A S D"), " and ", make("kbd", "E"), ")"];
    },
  };
}
