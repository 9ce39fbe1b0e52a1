// The parts of the review page, its sentences, and what it tells whoever decides.
const root = document.querySelector("#review");
const said = document.querySelector("#said");
const alertBox = document.querySelector("#alert");
const left = document.querySelector("#left");

export const says = root.dataset;
export const mayDecide = Boolean(says.mayDecide);
export const panel = document.querySelector("#panel");
export const article = () => panel.querySelector("article");

export const fill = (text, values) => text.replace(/\{(\w+)\}/g, (all, name) => values[name] ?? all);

// undo: what the button beside the words does, if there is to be one.
export function tell(text, undo) {
  const words = document.createElement("span");
  words.textContent = text;
  said.replaceChildren(words);
  if (!undo) return;
  const button = document.createElement("button");
  button.type = "button";
  button.className = "plain";
  button.innerHTML = "<kbd>Z</kbd> ";
  button.append(says.undo);
  button.addEventListener("click", undo);
  said.append(button);
}

export function tellNothing() {
  said.replaceChildren();
}

export function complain(text) {
  const words = document.createElement("p");
  words.className = "notice bad";
  const mark = document.createElement("span");
  mark.textContent = "!";
  mark.ariaHidden = "true";
  words.append(mark, text);
  alertBox.replaceChildren(words);
}

export function complainOfNothing() {
  alertBox.replaceChildren();
}

export function countLeft(by) {
  const number = Math.max(0, Number(left.textContent) + by);
  const inQueues = document.querySelector(".queues [aria-current] .quiet");
  for (const shown of [left, inQueues]) shown.textContent = number;
}

export function mark(link, isCurrent) {
  if (isCurrent) link.setAttribute("aria-current", "true");
  else link.removeAttribute("aria-current");
}
