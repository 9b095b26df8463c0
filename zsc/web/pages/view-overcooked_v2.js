// A kitchen with recipes on a canvas. Outside of what one's cook has in view only the plan is drawn, which never changes.
import { make } from "../pages/dom.js";
import { COUNTER, INK, PLATE, STEEL, keysOf, kitchenCanvas } from "../pages/kitchen-canvas.js";

const EMPTY = 0, GOAL = 4, POT = 5, INDICATOR = 6, BUTTON = 7, PLATES = 9, PILE = 10;
const IS_PLATE = 1, IS_COOKED = 2;  // bits of what lies, cooks or is held
const SIGN = "#565478", PAPER = "#e8e8f4", PRESS = "#c95025", BROTH = "#f4bc78";
const PIECES = ["#eec43e", "#cc444b", "#629446", "#785ef0", "#dc82be", "#40a0be", "#966e46", "#f0f08c", "#6e6e6e", "#1e3c8c"];

export function mount(root, about, act) {
  const { width, height, kinds, view, cook_time, button, starts } = about.scene;
  const canvas = kitchenCanvas(root, about, { scenery, item }), { pen, disc, round } = canvas;
  const where = c => [c % width, Math.floor(c / width)];
  const buttons = kinds.includes(BUTTON), signs = buttons || kinds.includes(INDICATOR);
  const asked = make("p", null, { class: "sr", role: "status", "aria-live": "polite" });
  root.append(asked);

  function scenery(now) {
    kinds.forEach((kind, c) => cell(...where(c), kind));
    for (const [c, bits] of now.lies) { const [x, y] = where(c); item(x + .5, y + .5, bits); }
    for (const [c, bits, left] of now.pots) pot(...where(c), bits, left);
    for (const c of now.shows) recipe(...where(c), now.recipe);
    for (const c of now.thanks) { const [x, y] = where(c); canvas.write("✓", x + .5, y + .86, "700 .24px", "#2f6b2a"); }
    if (view !== null) shade(now.cooks[about.seat]);
  }
  function cell(x, y, kind) {
    if (kind === EMPTY) canvas.floor(x, y);
    else if (kind === PLATES) canvas.plates(x, y);
    else if (kind === GOAL) canvas.serving(x, y);
    else canvas.block(x, y, kind === POT ? STEEL : kind === INDICATOR || kind === BUTTON ? SIGN : COUNTER);
    if (kind === POT) canvas.pot(x, y, null, 0);
    else if (kind === INDICATOR) { round(x + .12, y + .12, .76, .76, .08); pen.fillStyle = "#a9a7c4"; pen.fill(); }
    else if (kind === BUTTON) { disc(x + .5, y + .5, .25, PRESS); disc(x + .5, y + .47, .17, "#e07a52", null); }
    else if (kind >= PILE) for (const [dx, dy] of [[-.19, .14], [.19, .14], [0, -.18]]) piece(x + .5 + dx, y + .5 + dy, kind - PILE, .17);
  }
  // One ingredient: disc, square, triangle or diamond in turn, in its colour.
  function piece(x, y, number, r) {
    const fill = PIECES[number], form = number % 4;
    if (form === 0) { disc(x, y, r, fill); return; }
    pen.beginPath();
    if (form === 1) pen.rect(x - .85 * r, y - .85 * r, 1.7 * r, 1.7 * r);
    else {
      const low = form === 2 ? y + .8 * r : y;
      pen.moveTo(x, y - r); pen.lineTo(x + r, low);
      if (form === 3) pen.lineTo(x, y + r);
      pen.lineTo(x - r, low); pen.closePath();
    }
    pen.fillStyle = fill; pen.fill(); pen.lineWidth = .022; pen.strokeStyle = INK; pen.stroke();
  }
  function trio(x, y, bits, r) {
    const found = pieces(bits).slice(0, 3), places = [[[0, 0]], [[-1, 0], [1, 0]], [[-1, .6], [1, .6], [0, -1]]][found.length - 1];
    found.forEach((number, i) => { const [dx, dy] = places[i]; piece(x + .9 * r * dx, y + .9 * r * dy, number, r); });
  }
  function item(x, y, bits, scale = 1) {
    if (bits & IS_PLATE) {
      const full = bits & IS_COOKED;
      disc(x, y, (full ? .33 : .27) * scale, PLATE, "#8d857b"); disc(x, y, (full ? .26 : .19) * scale, full ? BROTH : PLATE, "#d4cec4");
      if (full) trio(x, y, bits, .125 * scale);
    } else trio(x, y, bits, .2 * scale);
  }
  function pot(x, y, bits, left) {
    const cooks = left > 0 || bits & IS_COOKED;
    canvas.pot(x, y, cooks ? 1 - left / cook_time : null, left, "#e28a2e");
    if (cooks) pieces(bits).forEach((number, i, all) => piece(x + .5 + .24 * (i - (all.length - 1) / 2), y + .84, number, .1));
    else trio(x + .5, y + .5, bits, .13);
  }
  function recipe(x, y, bits) {
    round(x + .1, y + .1, .8, .8, .08); pen.fillStyle = PAPER; pen.fill(); pen.lineWidth = .025; pen.strokeStyle = INK; pen.stroke();
    trio(x + .5, y + .52, bits, .16);
  }
  function shade([cx, cy]) {
    const [left, top, right, bottom] = [cx - view, cy - view, cx + view + 1, cy + view + 1].map((v, i) => Math.max(0, Math.min(i % 2 ? height : width, v)));
    pen.fillStyle = "rgba(44,42,58,.62)";
    pen.beginPath(); pen.rect(0, 0, width, height); pen.rect(left, top, right - left, bottom - top); pen.fill("evenodd");
    pen.strokeStyle = "rgba(255,255,255,.75)"; pen.lineWidth = .035; pen.strokeRect(left + .02, top + .02, right - left - .04, bottom - top - .04);
  }
  return {
    draw(state) {
      const told = state.recipe ? `asked for: ingredients ${pieces(state.recipe).map(n => n + 1).join(", ")}` : signs ? "the recipe is not in view" : "";
      if (asked.textContent !== told) asked.textContent = told;
      canvas.draw(state);
    },
    keys() {
      const does = ["take, put, serve", starts ? "with empty hands at a pot: cook" : "", buttons ? `press the button to see the recipe (${button} points)` : ""];
      return keysOf(does.filter(Boolean).join("; "));
    },
  };
}

function pieces(bits) {
  return PIECES.flatMap((_, number) => Array(bits >> (2 + 2 * number) & 3).fill(number));
}
