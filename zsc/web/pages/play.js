// Choose a game and with whom, and play it.
import { ask, byId, make } from "./dom.js";
import { GameClient } from "./game.js";

const OWN = "own kitchen";
const SYMBOLS = {
  2019: "X counter, O onions, D dishes, P pot, S window, 1 to 4 where the cooks start",
  2020: "X counter, O onions, T tomatoes, D dishes, P pot, S window, 1 to 4 where the cooks start; or the text of a layout file",
  v2: "W counter, 0 to 9 ingredients, B plates, P pot, X window, R the recipe, L a button that shows it, A where a cook starts",
};
let games = [], client = null, last = "", asked = 0;
const drawn = game => game.id === OWN ? { kitchen: byId("kitchen").value, rules: byId("rules").value } : {};

async function main() {
  const token = location.hash.slice(1);
  await ask("api/enter", { token });
  if (token) history.replaceState(null, "", location.pathname);
  const told = await ask("api/games");
  games = told.games;
  byId("about").textContent = told.recorded ? "Games are recorded." : "Games are not recorded.";
  const own = make("optgroup", null, { label: "of the runs" }), more = make("optgroup", null, { label: "all games" });
  for (const game of games) (game.own ? own : more).append(make("option", game.id, { value: game.id }));
  byId("game").append(...[own, more].filter(group => group.children.length));
  if (!own.children.length && games.some(game => game.id === "overcooked/cramped_room")) byId("game").value = "overcooked/cramped_room";
  await choose();
  connect();
  byId("start").disabled = false;
}

async function choose() {
  const game = games.find(each => each.id === byId("game").value);
  byId("kitchen-field").hidden = byId("rules-field").hidden = game.id !== OWN;
  byId("symbols").textContent = SYMBOLS[byId("rules").value];
  byId("speed-field").hidden = game.turns;
  await partners(game);
}

async function partners(game) {
  const before = [...document.querySelectorAll("#others select")].map(each => each.value);
  const mine = ++asked;  // an answer that comes after the next question is of another game
  let found = [], fault = "";
  try {
    const told = await ask("api/partners", { game: game.id, ...drawn(game) });
    found = told.partners; game.seats = told.seats;
  } catch (error) { fault = error.message; }
  if (mine !== asked) return;
  byId("fault").textContent = fault;
  const seat = +byId("seat").value || 0;
  byId("seat").replaceChildren(...Array.from({ length: game.seats }, (_, s) => make("option", `${s + 1}`, { value: s })));
  byId("seat").value = Math.min(seat, game.seats - 1);
  const boxes = Array.from({ length: game.seats - 1 }, (_, place) => {
    const select = make("select", null, { "data-other": place });
    const groups = new Map();
    for (const each of found) {
      const name = each.source || "people";
      if (!groups.has(name)) groups.set(name, make("optgroup", null, { label: name }));
      groups.get(name).append(make("option", each.title, { value: each.key }));
    }
    select.append(...groups.values());
    if (found.some(each => each.key === before[place])) select.value = before[place];
    return make("label", null, { class: "field" }, game.seats === 2 ? "Your partner " : `Partner ${place + 1} `, select);
  });
  byId("others").replaceChildren(...boxes);
}

function connect() {
  if (client) client.close();
  client = new GameClient(byId("table"), {
    nothing: () => { byId("stop").hidden = true; client.cover(last || "Choose a game and with whom, then press Play."); last = ""; },
    over: (message, text) => {
      byId("stop").hidden = true;
      client.cover(`${text} ${Math.round(message.score * 100) / 100} points.`, "Play again", () => byId("form").requestSubmit());
    },
    waiting: () => { byId("stop").hidden = true; },
  }, { note: "Ready when you are.", stopWaiting: true });
}

byId("form").addEventListener("submit", async event => {
  event.preventDefault();
  const game = games.find(each => each.id === byId("game").value);
  byId("start").disabled = true; byId("fault").textContent = "";
  client.running = false; client.cover("Getting the game ready. The first one of a kind is compiled, which takes some seconds ...");
  try {
    const told = await ask("api/start", {
      game: game.id, ...drawn(game), seat: +byId("seat").value,
      others: [...document.querySelectorAll("#others select")].map(each => each.value),
      greedy: byId("greedy").value === "1", tick: byId("speed").value === "" ? null : +byId("speed").value,
    });
    byId("stop").hidden = told.waiting;
  } catch (error) { byId("fault").textContent = error.message; client.cover("Choose a game and with whom, then press Play."); }
  byId("start").disabled = false;
});
byId("stop").addEventListener("click", () => client.leave());
byId("game").addEventListener("change", choose);
byId("kitchen").addEventListener("change", choose);
byId("rules").addEventListener("change", choose);
main().catch(error => { byId("fault").textContent = error.message; });
