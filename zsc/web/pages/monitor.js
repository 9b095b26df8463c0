// How far everybody is. The token comes behind the # of the address, which no server logs.
import { ask, byId, make } from "./dom.js";

const token = location.hash.slice(1);
const time = seconds => new Date(1000 * seconds).toLocaleTimeString();
async function look() {
  try {
    const told = await ask("api/monitor", { token });
    byId("fault").textContent = "";
    byId("title").textContent = told.title;
    const finished = told.people.filter(one => one.at === "finished").length;
    byId("about").textContent = `${told.people.length} people, ${finished} finished, ${told.people.filter(one => one.here).length} connected`;
    byId("rows").replaceChildren(...told.people.map(one => make("tr", null, {}, make("td", one.who), make("td", time(one.began)), make("td", time(one.last)),
      make("td", `${Math.round(100 * one.share)} %`), make("td", one.at), make("td", one.plays ? "plays" : one.here ? "yes" : "–"))));
  } catch (error) { byId("fault").textContent = error.message; }
}
look(); setInterval(look, 3000);
