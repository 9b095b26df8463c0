// Elements, and requests to the server that this page came from.
export const byId = id => document.getElementById(id);

// Text is always text: nothing that comes from elsewhere is read as HTML here.
export function make(tag, text, attributes = {}, ...children) {
  const node = document.createElement(tag);
  if (text !== undefined && text !== null) node.textContent = text;
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value === true) node.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

export const chip = (name, colour) => {
  const dot = make("i", null, { "aria-hidden": "true" });
  dot.style.background = colour;
  return make("span", null, { class: "chip" }, dot, name);
};

// The answer of the server, or an Error with its one line.
export async function ask(path, told = {}) {
  let answer;
  try {
    answer = await fetch(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(told) });
  } catch {
    throw new Error("The server cannot be reached. Check the connection and try again.");
  }
  const found = await answer.json().catch(() => ({}));
  if (!answer.ok) throw Object.assign(new Error(found.error || `The server said ${answer.status}.`), { status: answer.status });
  return found;
}
