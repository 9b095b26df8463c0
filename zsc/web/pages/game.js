// One game in a page: the socket, keys, what covers the screen while nobody plays.
import { chip, make } from "./dom.js";

const clock = () => performance.timeOrigin + performance.now();
const WORDS = {
  finished: "The game is over.", left: "The game was ended.", absent: "The game ended because somebody was away for too long.",
  idle: "The game ended because nothing was done for a long time.", error: "The game stopped because of a fault on our side.",
  learned: "Well done!", restart: "One more time.",
};

export class GameClient {
  // root: an empty element. hear: {over(message), nothing(), waiting(message), goal(message)}.
  constructor(root, hear = {}, { start = "Start", note = "", stopWaiting = false } = {}) {
    this.hear = hear; this.start = start; this.note = note; this.stopWaiting = stopWaiting;
    this.closed = false; this.wait = 500; this.step = 0; this.running = false;
    this.score = make("b", "0"); this.left = make("b", ""); this.leftName = make("span", "seconds left");
    this.progress = make("progress", null, { max: 1, value: 0, "aria-hidden": "true" });
    this.who = make("div", null, { class: "who" });
    this.live = make("div", null, { class: "sr", role: "status", "aria-live": "polite" });
    this.goal = make("div", null, { class: "goal", hidden: true, role: "status" });
    this.inner = make("div"); this.inner.style.width = "100%";
    this.veil = make("div", null, { class: "veil" });
    this.screen = make("div", null, { class: "screen", tabindex: "-1" }, this.inner, this.veil);
    this.keys = make("p", null, { class: "keys" });
    this.bar = make("div", null, { class: "bar" },
      make("div", null, { class: "fact" }, this.score, make("span", "points")),
      make("div", null, { class: "fact" }, this.left, this.leftName), this.progress, this.who);
    root.replaceChildren(make("div", null, { class: "game" }, this.goal, this.bar, this.screen, this.keys, this.live));
    this.cover("Connecting ...");
    this.onKey = event => this.key(event);
    this.onFocus = () => this.focus(document.visibilityState === "visible" && document.hasFocus());
    addEventListener("keydown", this.onKey);
    addEventListener("blur", () => this.focus(false)); addEventListener("focus", this.onFocus);
    document.addEventListener("visibilitychange", this.onFocus);
    this.connect();
  }

  connect() {
    if (this.closed) return;
    const where = `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/socket`;
    const socket = this.socket = new WebSocket(where);
    socket.onopen = () => { this.wait = 500; };
    socket.onmessage = event => { if (socket === this.socket) this.take(JSON.parse(event.data)); };
    socket.onclose = event => {
      if (this.closed || socket !== this.socket) return;
      this.running = false;
      if (event.code === 4001) { this.cover("This page was opened in another tab. Go on there.", "Go on here instead", () => this.connect()); return; }
      if (event.code === 4003) { this.cover("This page is not known to the server any more. Reload it.", "Reload", () => location.reload()); return; }
      this.cover("The connection was lost. Trying again ...");
      setTimeout(() => this.connect(), this.wait);
      this.wait = Math.min(5000, this.wait * 1.7);
    };
  }

  close() {
    this.closed = true; removeEventListener("keydown", this.onKey); removeEventListener("focus", this.onFocus);
    document.removeEventListener("visibilitychange", this.onFocus);
    if (this.socket) this.socket.close();
  }

  say(type, what = {}) { if (this.socket && this.socket.readyState === 1) this.socket.send(JSON.stringify({ type, ...what })); }
  focus(has) { if (!this.closed) this.say("focus", { has, at: clock() }); }
  act(action) { this.say("act", { action, at: clock(), seen: this.step }); }
  ready() { this.say("ready"); this.screen.focus(); this.cover("Just a moment ..."); }
  leave() { this.say("leave"); }

  key(event) {
    if (!this.scene || !this.scene.keys || event.ctrlKey || event.metaKey || event.altKey) return;
    const action = this.scene.keys[event.code];
    const field = ["INPUT", "TEXTAREA", "SELECT"].includes(document.activeElement?.tagName);
    if (action === undefined || field || !this.running) return;
    event.preventDefault();          // no scrolling while one plays
    if (!event.repeat) this.act(action);   // a key that is held counts once
  }

  async take(message) {
    const kind = message.type;
    if (kind === "scene") { this.later = []; await this.set(message); const later = this.later; this.later = null; for (const one of later) this.take(one); return; }
    if (this.later) { this.later.push(message); return; }
    if (kind === "state") this.state(message);
    else if (kind === "ping") this.say("pong", { number: message.number });
    else if (kind === "countdown") { this.running = false; this.cover("Get ready", null, null, Math.ceil(message.seconds)); }
    else if (kind === "go") { this.running = true; this.veil.hidden = true; this.screen.focus(); this.mounted?.wake?.(true); }
    else if (kind === "paused") this.paused(message);
    else if (kind === "waiting") { this.running = false; this.cover(`Waiting for another person (${message.here} of ${message.need} here) ...`, this.stopWaiting && "Stop waiting", () => this.leave()); this.hear.waiting?.(message); }
    else if (kind === "nothing") { this.running = false; this.cover("No game is being played."); this.hear.nothing?.(); }
    else if (kind === "goal") { this.hear.goal?.(message); }
    else if (kind === "over") {
      this.running = false; this.mounted?.wake?.(false);
      const text = message.text || WORDS[message.why] || "The game is over.";
      this.live.textContent = text;
      if (this.hear.over) this.hear.over(message, text); else this.cover(text);
    }
  }

  paused(message) {
    this.running = false; this.mounted?.wake?.(false);
    if (!message.you) { this.cover(message.began ? `Paused: waiting for the other person (at most ${message.seconds} s).` : "Waiting for the other person to start ..."); return; }
    this.cover(message.began ? "The game is paused." : this.note, message.began ? "Go on" : this.start, () => { this.focus(true); this.ready(); });
  }

  cover(text, button, press, count) {
    this.veil.replaceChildren();
    if (count !== undefined) this.veil.append(make("div", count, { class: "count" }));
    if (text) this.veil.append(make("p", text));
    this.veil.hidden = false;
    if (button) {
      const pressed = make("button", button, { class: "main", type: "button", onclick: press });
      this.veil.append(pressed);
      pressed.focus({ preventScroll: true });
    }
  }

  view(name) { return import(`../views/${name}.js`); }

  async set(message) {
    this.about = message; this.scene = message.scene; this.story = message.story;
    this.who.replaceChildren(...message.names.map((name, seat) => chip(name, message.colours[seat])));
    const turns = message.tick === null;
    this.progress.hidden = turns && message.turns;
    this.leftName.textContent = message.turns ? "moves made" : turns ? "steps left" : "seconds left";
    const view = await this.view(message.view);
    this.inner.replaceChildren();
    this.mounted = view.mount(this.inner, message, action => { if (this.running) this.act(action); });
    this.keys.replaceChildren(...(this.mounted.keys?.() || []));
  }

  state(message) {
    this.step = message.step;
    if (message.told > this.story.length) this.story.push(...message.story);
    this.score.textContent = Math.round(message.score * 100) / 100;
    const { horizon, tick, turns } = this.about, left = horizon - message.step;
    this.left.textContent = turns ? message.step : tick === null ? left : Math.ceil(left * tick);
    this.progress.max = horizon; this.progress.value = message.step;
    this.mounted.draw(message.state, this.story, message);
    requestAnimationFrame(() => this.say("drawn", { step: message.step, at: clock() }));
    if (message.step % 40 === 0) this.live.textContent = `${this.score.textContent} points, ${this.left.textContent} ${this.leftName.textContent}`;
  }
}
