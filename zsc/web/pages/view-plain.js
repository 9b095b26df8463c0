// Any game: what the agent in this seat is shown, in numbers, and a button for each action.
// A view is a module with mount(root, about, act): about is the "scene" message (about.scene is what
// the game's view says of itself), act(action) does something. It returns draw(state, story, message),
// and if it likes wake(running) and keys() (elements that explain the keys).
import { make } from "../pages/dom.js";

export function mount(root, about, act) {
  const { actions, idle } = about.scene;
  const seen = make("p", null, { class: "hint" });
  const buttons = actions.map((name, action) =>
    make("button", name.replaceAll("_", " "), { type: "button", hidden: action === idle && about.turns, onclick: () => act(action) }));
  root.append(make("h3", "What you are shown"), seen, make("h3", "What you can do"),
    make("div", null, { class: "actions" }, ...buttons));
  return {
    draw(state) {
      seen.textContent = state.obs.length ? state.obs.map(([i, x]) => x === 1 ? `${i}` : `${i}: ${x}`).join(", ") + ` (of ${state.size} numbers, the others are 0)` : "nothing yet";
      buttons.forEach((button, action) => { button.disabled = !state.legal.includes(action); });
    },
  };
}
