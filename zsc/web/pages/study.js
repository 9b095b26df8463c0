// A person's way through a study. The server says which page it is; this draws it.
import { ask, byId, chip, make } from "./dom.js";
import { GameClient } from "./game.js";

const main = byId("main");
let page = null, client = null, began = 0;

function card(...children) { return make("section", null, { class: "card text" }, ...children); }
// Texts of the study come from the server as HTML that it made of Markdown, without any HTML in it.
function text(html) { const box = make("div"); box.innerHTML = html; return box; }
const fault = () => make("p", null, { class: "fault", role: "alert" });
const actions = (...buttons) => make("div", null, { class: "actions" }, ...buttons);
const go = (name, attributes = {}) => make("button", name, { class: "main", ...attributes });

function draw(next) {
  if (client && !["game", "tutorial"].includes(next.kind)) { client.close(); client = null; }
  page = next; began = performance.now();
  document.title = next.title; byId("title").textContent = next.title;
  byId("bar").style.width = `${Math.round(100 * next.share)}%`;
  const inside = !["consent", "refused", "end"].includes(next.kind);
  byId("leave").hidden = !inside; byId("problem").hidden = !inside;
  byId("where").textContent = inside ? `${Math.round(100 * next.share)} % done` : "";
  document.body.dataset.kind = next.kind; document.body.dataset.step = next.step ?? "";
  PAGES[next.kind](next);
  if (!["game", "tutorial"].includes(next.kind)) { scrollTo(0, 0); main.focus({ preventScroll: true }); }
}

async function send(path, told, where) {
  const buttons = [...main.querySelectorAll("button")]; buttons.forEach(button => { button.disabled = true; });
  try { const next = await ask(path, told); buttons.forEach(button => { button.disabled = false; }); return next; }
  catch (error) {
    buttons.forEach(button => { button.disabled = false; });
    if (error.status === 401) { location.reload(); return null; }
    if (where) where.textContent = error.message;
    return null;
  }
}
async function next(what = {}, where) {
  const found = await send("api/next", { step: page.step, ...what }, where);
  if (found) draw(found);
  return found;
}

function form(body, name, submit) {
  const said = fault(), node = make("form", null, { autocomplete: "off" }, ...body, said, actions(go(name)));
  node.addEventListener("submit", event => { event.preventDefault(); said.textContent = ""; submit(said); });
  return node;
}
function ids(names) {
  const given = new URLSearchParams(location.search), found = {};
  for (const name of names) if (given.get(name)) found[name] = given.get(name);
  return found;
}

const PAGES = {
  consent(told) {
    const agree = make("input", null, { type: "checkbox", id: "agree" }), publish = make("input", null, { type: "checkbox", id: "publish" });
    const facts = [told.minutes ? `It takes about ${told.minutes} minutes.` : "", told.pay, told.contact ? `Questions: ${told.contact}` : ""].filter(Boolean);
    const said = fault();
    const start = go("Take part", { type: "button", id: "consent", onclick: async () => {
      if (!agree.checked) { said.textContent = "Please tick the box if you want to take part, or press “No, thank you”."; return; }
      const found = await send("api/consent", { agree: true, publish: publish.checked, ids: ids(told.ids) }, said);
      if (found) draw(found);
    } });
    const no = make("button", "No, thank you", { type: "button", id: "refuse", onclick: async () => {
      const found = await send("api/consent", { agree: false }, said); if (found) draw(found);
    } });
    const permission = text(told.publish || ""); permission.style.margin = "0";
    main.replaceChildren(card(text(told.html), make("p", facts.join(" "), { class: "hint" }),
      make("label", null, { class: "check" }, agree, make("span", "I have read this, I am at least 18 years old, and I want to take part.")),
      ...(told.publish ? [make("label", null, { class: "check" }, publish, permission)] : []), said, actions(start, no)));
  },
  refused(told) { main.replaceChildren(card(text(told.html), ...back(told.link))); },
  text() { main.replaceChildren(card(text(page.html), form([], "Continue", said => next({}, said)))); },

  questions(told) {
    const sets = told.questions.map((question, q) => make("fieldset", null, { "data-question": q }, make("legend", question.text),
      ...question.choices.map((choice, c) => make("label", null, { class: "check" }, make("input", null, { type: "radio", name: `q${q}`, value: c + 1, required: true }), make("span", choice))),
      make("p", null, { class: "fault", role: "alert" })));
    main.replaceChildren(card(make("h2", "Is everything clear?"), make("p", "Please answer before you go on.", { class: "hint" }),
      form(sets, "Continue", async said => {
        const choices = sets.map(set => +(set.querySelector("input:checked")?.value || 0));
        const found = await send("api/next", { step: told.step, choices }, said);
        if (!found) return;
        if (!found.wrong) { draw(found); return; }
        sets.forEach(set => { set.querySelector(".fault").textContent = ""; });
        for (const wrong of found.wrong) sets[wrong.question].querySelector(".fault").textContent = `Not quite. ${wrong.explain}`;
        said.textContent = `Please look again (${found.left} more ${found.left === 1 ? "try" : "tries"}).`;
      })));
  },

  items(told) {
    const fields = told.items.map(item => ITEMS[item.kind](item, told));
    const about = told.name ? [make("p", null, { class: "hint" }, "about your partner ", chip(told.name, told.colour))] : [];
    main.replaceChildren(card(make("h2", told.heading || "Some questions"), ...about, form(fields.map(field => field.node), "Continue", said => {
      const answers = Object.fromEntries(told.items.map((item, i) => [item.name, fields[i].value()]));
      next({ answers, seconds: (performance.now() - began) / 1000 }, said);
    })));
  },

  tutorial(told) {
    play(`Try it out`, told, make("div", null, {}, text(told.html)));
    goals(told.reached);
  },
  game(told) { play(`Game ${told.number} of ${told.of}`, told, make("p", null, {}, "You play with ", chip(told.name, told.colour))); },

  end(told) {
    const code = told.code ? [make("h3", "Your completion code"), make("div", told.code, { class: "code", id: "code" })] : [];
    const whom = told.contact || "the people who run this study";
    const later = told.later ? [make("p", `If you want your data left out later, write to ${whom} and give the code ${told.later}.`, { class: "hint", id: "later" })] : [];
    main.replaceChildren(card(text(told.html), ...code, ...back(told.link), make("p", told.contact ? `Questions: ${told.contact}` : "", { class: "hint" }), ...later));
  },
};
const back = link => link ? [actions(make("a", "Back to the platform", { href: link, rel: "noreferrer" }))] : [];

function play(title, told, about) {
  if (client && client.page === told.step && !client.closed && !client.ended) return;
  if (client) client.close();
  const table = make("div"), after = actions(); after.hidden = true;
  main.replaceChildren(make("section", null, { class: "card" }, make("h2", title), about, table, after));
  client = new GameClient(table, {
    nothing: () => again(),
    over: (message, said) => finish(message, said, after, told),
    goal: message => goals(message.reached),
  }, { start: "Start", note: "Ready? Press Start, then use the keys." });
  client.page = told.step;
  if (told.kind === "tutorial" && told.may_skip) {
    after.hidden = false;
    after.append(make("button", "Skip this", { type: "button", id: "skip", onclick: () => next({ skip: true }) }));
  }
}
let asking = 0;
async function again() {  // the server has no game for this page: it makes one, or knows a later page
  if (asking && performance.now() - asking < 1500) { setTimeout(again, 1600); return; }
  asking = performance.now();
  const found = await send("api/page", {});
  if (!found) { setTimeout(again, 2000); return; }
  if (found.step !== page.step || found.kind !== page.kind) draw(found);
}
function finish(message, said, after, told) {
  client.ended = true;
  const points = told.kind === "game" ? ` ${Math.round(message.score * 100) / 100} points.` : "";
  client.cover(`${said}${points}`, "Continue", async () => {
    const found = await send("api/page", {});
    if (found) draw(found);
  });
}
function goals(reached) {
  const box = client.goal, all = page.goals || [];
  box.hidden = !all.length;
  box.replaceChildren(reached >= all.length ? make("p", "You know how it works.", { class: "done" })
    : make("p", null, {}, make("b", `${reached + 1} of ${all.length}: `), all[reached]));
  client.goals = reached;
}

const ITEMS = {
  scale(item) {
    const options = Array.from({ length: item.points }, (_, i) => make("label", i + 1, {}, make("input", null, { type: "radio", name: item.name, value: i + 1, required: !item.optional })));
    const node = make("fieldset", null, { "data-item": item.name, "data-kind": "scale" }, make("legend", item.text),
      make("div", null, { class: "scale" }, make("span", item.low, { class: "end" }), ...options, make("span", item.high, { class: "end" })));
    return { node, value: () => +(node.querySelector("input:checked")?.value || 0) || null };
  },
  choice(item) {
    const node = make("fieldset", null, { "data-item": item.name, "data-kind": "choice" }, make("legend", item.text), ...item.choices.map((choice, i) =>
      make("label", null, { class: "check" }, make("input", null, { type: "radio", name: item.name, value: i + 1, required: !item.optional }), make("span", choice))));
    return { node, value: () => +(node.querySelector("input:checked")?.value || 0) || null };
  },
  text(item) {
    const area = make("textarea", null, { rows: 4, maxlength: 4000, required: !item.optional });
    return { node: make("label", null, { class: "field", "data-item": item.name, "data-kind": "text" }, item.text, area), value: () => area.value.trim() };
  },
  number(item) {
    const field = make("input", null, { type: "number", step: "any", required: !item.optional });
    return { node: make("label", null, { class: "field", "data-item": item.name, "data-kind": "number" }, item.text, field), value: () => field.value === "" ? null : +field.value };
  },
  rank(item, told) {
    let order = told.ranked.slice(), held = null;
    const list = make("ol", null, { class: "rank" });
    const swap = (from, to) => { const [moved] = order.splice(from, 1); order.splice(to, 0, moved); render(); };
    function render(focus) {
      list.replaceChildren(...order.map((who, place) => {
        const button = (sign, to, name) => make("button", sign, { type: "button", disabled: to < 0 || to >= order.length, "aria-label": `${who.name} ${name}`,
          onclick: () => { swap(place, to); list.children[to].querySelector("button:not(:disabled)")?.focus(); } });
        const row = make("li", null, { draggable: "true", class: who.new ? "new" : "" }, make("b", `${place + 1}.`), chip(who.name, who.colour), button("↑", place - 1, "up"), button("↓", place + 1, "down"));
        row.addEventListener("dragstart", event => { held = place; event.dataTransfer.effectAllowed = "move"; });
        row.addEventListener("dragover", event => event.preventDefault());
        row.addEventListener("drop", event => { event.preventDefault(); if (held !== null) swap(held, place); held = null; });
        return row;
      }));
    }
    render();
    const node = make("fieldset", null, { "data-item": item.name, "data-kind": "rank" }, make("legend", item.text),
      make("p", "Drag them, or use the arrows.", { class: "hint" }), list);
    return { node, value: () => order.map(who => who.name) };
  },
};

byId("leave").addEventListener("click", () => byId("leaving").showModal());
byId("leave-not").addEventListener("click", () => byId("leaving").close());
for (const [id, keep] of [["leave-keep", true], ["leave-delete", false]]) byId(id).addEventListener("click", async () => {
  byId("leaving").close();
  const found = await send("api/withdraw", { keep }); if (found) draw(found);
});
byId("problem").addEventListener("click", () => byId("trouble").showModal());
byId("trouble-not").addEventListener("click", () => byId("trouble").close());
byId("trouble-send").addEventListener("click", async () => {
  await send("api/problem", { text: byId("trouble-text").value }); byId("trouble-text").value = ""; byId("trouble").close();
});

async function begin() {
  try { draw(await ask("api/page")); }
  catch (error) { main.replaceChildren(card(make("p", error.message), actions(go("Try again", { type: "button", onclick: begin })))); }
}
begin();
