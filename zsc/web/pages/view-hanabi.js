// A table of Hanabi: hands, what is known of each card, piles, tokens, discards, the moves so far.
import { make } from "../pages/dom.js";

export function mount(root, about, act) {
  const { players, colours, ranks, copies, hand, hints, lives, most } = about.scene;
  const me = about.seat, { names } = about;
  let now = null, chosen = null, running = false;
  const left = make("div"), right = make("div");
  root.append(make("div", null, { class: "hanabi" }, left, right));

  const colour = c => colours[c].name;
  const behind = p => (p - me + players) % players;
  const play = slot => hand + slot, discard = slot => slot;
  const tellColour = (p, c) => 2 * hand + (behind(p) - 1) * colours.length + c;
  const tellRank = (p, r) => 2 * hand + (players - 1) * colours.length + (behind(p) - 1) * ranks + r;
  const legal = action => running && now.legal.includes(action);
  const move = action => { chosen = null; act(action); };

  function face([c, r], extra = "") {
    return make("div", null, { class: `face c-${colour(c)} ${extra}` }, make("b", r + 1), make("span", colour(c)));
  }
  function knowledge(card) {
    const sureColour = card.told[0] || card.colours.length === 1, sureRank = card.told[1] || card.ranks.length === 1;
    const dots = colours.map((each, c) => make("span", null, {
      class: `dot c-${each.name} ${card.colours.includes(c) ? "" : "out"}`, title: `${each.name}: ${card.colours.includes(c) ? "possible" : "ruled out"}` }));
    const numbers = Array.from({ length: ranks }, (_, r) => make("span", r + 1, { class: card.ranks.includes(r) ? sureRank ? "sure" : "" : "out" }));
    const said = `can be ${card.colours.map(colour).join(", ")}; ${card.ranks.map(r => r + 1).join(", ")}`;
    return [make("div", null, { class: "known", "aria-hidden": "true" }, ...dots), make("div", null, { class: "nums", "aria-hidden": "true" }, ...numbers),
      make("span", said, { class: "sr" })];
  }
  function ownCard(card, slot) {
    const box = make("div", null, { class: "slot" });
    if (!card) { box.append(make("div", "none", { class: "face empty" })); return box; }
    const known = [card.colours.length === 1 ? colour(card.colours[0]) : "", card.ranks.length === 1 ? card.ranks[0] + 1 : ""];
    const tone = known[0] ? `c-${known[0]}` : "back";
    const button = make("button", null, { type: "button", class: `face ${tone} ${chosen === `own${slot}` ? "chosen" : ""}`, disabled: !running || !now.legal.length,
      "aria-label": `your card ${slot + 1}`, onclick: () => { chosen = chosen === `own${slot}` ? null : `own${slot}`; render(); } },
      make("b", known[1] || "?"), make("span", known[0] || (slot === 0 ? "oldest" : " ")));
    if (card.told[0] || card.told[1]) button.classList.add("told");
    box.append(button, ...knowledge(card));
    return box;
  }
  function otherCard(card) {
    const box = make("div", null, { class: "slot" });
    if (!card) { box.append(make("div", "none", { class: "face empty" })); return box; }
    box.append(face(card.card, card.told[0] || card.told[1] ? "told" : ""), ...knowledge(card));
    return box;
  }
  function choices(player) {
    const row = make("div", null, { class: "choices" });
    if (player === me) {
      const slot = chosen?.startsWith("own") ? +chosen.slice(3) : null;
      if (slot === null) { row.append(make("span", running && now.legal.length ? "Your turn: choose one of your cards, or give a hint." : now.turn === me ? "" : `${names[now.turn]} is thinking ...`, { class: "hint" })); return row; }
      row.append(make("span", `Card ${slot + 1}:`, { class: "hint" }),
        make("button", "Play it", { type: "button", disabled: !legal(play(slot)), onclick: () => move(play(slot)) }),
        make("button", now.hints >= hints ? "Discard it (all hint tokens are there)" : "Discard it", { type: "button", disabled: !legal(discard(slot)), onclick: () => move(discard(slot)) }));
      return row;
    }
    if (!running || !now.legal.length) return row;
    if (now.hints === 0) { row.append(make("span", "No hint tokens are left.", { class: "hint" })); return row; }
    row.append(make("span", "Tell:", { class: "hint" }));
    colours.forEach((each, c) => { const action = tellColour(player, c); if (legal(action)) row.append(make("button", each.name, { type: "button", class: `c-${each.name}`, "aria-label": `tell ${names[player]} ${each.name}`, onclick: () => move(action) })); });
    for (let r = 0; r < ranks; r++) { const action = tellRank(player, r); if (legal(action)) row.append(make("button", r + 1, { type: "button", "aria-label": `tell ${names[player]} ${r + 1}`, onclick: () => move(action) })); }
    return row;
  }
  const whose = p => p === me ? "Your hand, oldest card first" : `Hand of ${names[p]}`;
  function render() {
    if (!now) return;
    const order = [...Array(players).keys()].sort((a, b) => (behind(a) || players) - (behind(b) || players));
    left.replaceChildren(...order.map(p => make("section", null, { class: `hand ${p === now.turn ? "turn" : ""}` },
      make("h3", whose(p)), make("div", null, { class: "cards" }, ...now.hands[p].map((card, slot) => p === me ? ownCard(card, slot) : otherCard(card))), choices(p))));
  }
  function sentence(told) {
    const who = told.actor === me ? "You" : names[told.actor], s = told.actor === me ? "" : "s";
    if (told.kind === "pass") return `${who} did nothing`;
    if (told.kind === "play" || told.kind === "discard") {
      const card = `${colour(told.card[0])} ${told.card[1] + 1}`;
      return told.kind === "discard" ? `${who} discarded ${card}` : `${who} played ${card}: ${told.fits ? "it fits" : "a life is lost"}`;
    }
    const whom = told.target === me ? "you" : names[told.target];
    const value = told.kind === "colour" ? colour(told.value) : told.value + 1;
    return `${who} told ${whom}: ${value} (card ${told.slots.map(x => x + 1).join(", ")})`;
  }
  function tokens(name, count, all, kind) {
    const dots = Array.from({ length: all }, (_, i) => make("i", null, { class: `${kind} ${i < count ? "" : "gone"}`, "aria-hidden": "true" }));
    return make("div", null, {}, ...dots, ` ${count} of ${all} ${name}`);
  }
  function table(story) {
    const thrown = now.discards.map((row, c) => {
      const cards = row.flatMap((n, r) => Array(n).fill(r + 1));
      return make("tr", null, {}, make("td", null, {}, make("span", null, { class: `dot c-${colour(c)}` })), make("td", cards.length ? cards.join(" ") : "–"));
    });
    right.replaceChildren(
      make("h3", `Fireworks: ${now.score} of ${most}`),
      make("div", null, { class: "piles" }, ...now.fireworks.map((n, c) => n ? face([c, n - 1]) : make("div", null, { class: "face empty" }, make("b", "–"), make("span", colour(c))))),
      make("div", null, { class: "tokens" }, tokens("hint tokens", now.hints, hints, ""), tokens("lives", now.lives, lives, "life"),
        make("div", now.last_round ? "The deck is empty: everybody has one more turn." : `${now.deck} cards in the deck`)),
      make("h3", "Discards"), make("table", null, {}, ...thrown),
      make("h3", "Moves, the last one first"),
      make("ol", null, { class: "moves" }, ...story.slice().reverse().map(told => make("li", sentence(told)))));
  }
  return {
    draw(state, story) { now = state; chosen = null; render(); table(story); },
    wake(is) { running = is; render(); },
    keys() { return ["A dashed frame marks cards that were part of a hint. Below each card: the colours and numbers that its holder still thinks possible."]; },
  };
}
