// A page without a server: the rules, the agents and the clock are all here.
import { byId, make } from "./dom.js";
import { GameClient } from "./game.js";
import * as kitchens from "./kitchen.js";
import * as networks from "./network.js";
import * as view from "./view-overcooked.js";

const OWN_COLOUR = "#2563b0", COLOUR = "#c95025";
const COUNTDOWN = 3;  // seconds
const data = JSON.parse(byId("data").textContent);

// A game whose other side is this page instead of a socket: `say` hears what the server would.
class LocalGame extends GameClient {
  connect() {}  // to nobody
  view() { return view; }

  // Lay a kitchen out for a game that `ready` begins.
  async lay(wish) {
    this.halt();
    const { kitchen, seat, agent } = this.wish = wish;
    agent.reset();
    this.now = kitchens.begin(kitchen, kitchen.starts[Math.floor(Math.random() * kitchen.starts.length)]);
    this.total = 0; this.slot = null;
    const names = ["You", "You"], colours = [OWN_COLOUR, OWN_COLOUR];
    names[1 - seat] = wish.name; colours[1 - seat] = COLOUR;
    await this.take({ type: "scene", view: "overcooked", scene: { ...kitchen, keys: data.keys }, seat, names, colours,
      horizon: kitchen.horizon, tick: wish.tick, turns: false, story: [] });
    this.show();
  }

  say(type, what) {
    if (type === "act" && this.running) { this.slot = what.action; if (this.wish.tick === null) this.move(); }
    else if (type === "ready") this.timer = setTimeout(() => this.count(COUNTDOWN));
    else if (type === "focus" && !what.has && this.busy && this.wish.tick !== null) this.rest();
    else if (type === "leave" && this.now) this.end("left");
  }

  halt() { clearTimeout(this.timer); this.busy = this.running = false; }
  rest() { this.halt(); this.take({ type: "paused", you: true, began: true }); }
  end(why) { this.halt(); this.take({ type: "over", why, score: this.total }); }

  count(seconds) {
    clearTimeout(this.timer);
    this.busy = true;
    if (seconds > 0 && this.wish.tick !== null) {
      this.take({ type: "countdown", seconds });
      this.timer = setTimeout(() => this.count(seconds - 1), 1000);
      return;
    }
    this.slot = null; this.due = performance.now();
    this.take({ type: "go" });
    if (this.wish.tick !== null) this.schedule();
  }

  // Steps are due at fixed times; one that comes late does not shift those after it.
  schedule() {
    const tick = 1000 * this.wish.tick;
    this.due = Math.max(this.due + tick, performance.now() - tick);
    this.timer = setTimeout(() => { this.move(); if (this.running) this.schedule(); }, this.due - performance.now());
  }

  move() {
    const { kitchen, seat, agent, encoding, greedy } = this.wish, other = 1 - seat;
    const action = [kitchens.STAY, kitchens.STAY];
    if (this.slot !== null) action[seat] = this.slot;
    action[other] = networks.choose(agent.logits(kitchens.observe(kitchen, encoding, this.now, other)), greedy);
    const [after, paid] = kitchens.step(kitchen, this.now, action);
    this.now = after; this.slot = null; this.total += paid[0] + paid[1];
    this.show();
    if (after.time >= kitchen.horizon) this.end("finished");
  }

  show() { this.state({ step: this.now.time, told: 0, score: this.total, state: kitchens.shown(this.wish.kitchen, this.now) }); }
}

const agents = () => data.agents.filter(each => each.kitchen === +byId("kitchen").value);
const options = names => names.map((name, place) => make("option", name, { value: place }));

function load({ network, weights }) { return new networks.Agent(data.networks[network], networks.decode(weights)); }

function wish() {
  const chosen = agents()[+byId("partner").value], speed = byId("speed").value;
  return {
    kitchen: data.kitchens[chosen.kitchen], agent: load(chosen), encoding: chosen.encoding, name: chosen.name,
    seat: +byId("seat").value, greedy: byId("greedy").value === "1", tick: speed === "" ? null : +speed,
  };
}

async function begin() {
  byId("stop").hidden = false;
  await game.lay(wish());
  game.ready();
  byId("table").scrollIntoView({ block: "nearest" });
}

// The kitchen that was chosen, until a game begins in it.
async function preview() {
  if (game.busy) return;
  byId("stop").hidden = true;
  const chosen = document.activeElement;
  await game.lay(wish());
  game.cover("Cook as many soups as you can, together.", "Play", begin);
  if (chosen !== document.body) chosen.focus();
}

const game = new LocalGame(byId("table"), {
  over: (message, text) => {
    byId("stop").hidden = true;
    game.cover(`${text} ${message.score} points in ${game.now.time} steps.`, "Play again", begin);
  },
});

const partners = () => byId("partner").replaceChildren(...options(agents().map(agent => agent.title)));
byId("kitchen").append(...options(data.kitchens.map(kitchen => kitchen.name)));
byId("kitchen").addEventListener("change", partners);
byId("form").addEventListener("change", preview);
byId("form").addEventListener("submit", event => { event.preventDefault(); begin(); });
byId("stop").addEventListener("click", () => game.leave());
partners();
preview();
for (const key of document.querySelectorAll("[data-action]")) {
  key.addEventListener("pointerdown", event => {
    event.preventDefault();
    if (game.running) game.act(+key.dataset.action);
  });
}

// for those who want to look inside
globalThis.overcooked = { data, kitchens, networks, load, game };
