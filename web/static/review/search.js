// The search of a category: a box to type in, and what it finds below. It stands in place of the list that
// works without a script. A category that there is not yet is offered last, and never chosen by Enter alone.
import {panel, says} from "./page.js";

let take = () => {};

// handler(category, isByKey, isNew): what is done with what was chosen.
export function whenTaken(handler) {
  take = handler;
}

export function makeSearch() {
  const other = panel.querySelector(".other");
  if (!other) return;
  const categories = [...other.querySelectorAll("option")].map(option => option.value);
  const input = document.createElement("input"), list = document.createElement("ul");
  input.type = "text";
  input.id = "search";
  input.autocomplete = "off";
  input.spellcheck = false;
  input.placeholder = other.dataset.placeholder;
  input.setAttribute("role", "combobox");
  input.setAttribute("aria-expanded", "false");
  input.setAttribute("aria-controls", "found");
  input.setAttribute("aria-autocomplete", "list");
  list.id = "found";
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", other.querySelector("label").textContent);
  list.hidden = true;
  other.querySelector(".pair").replaceWith(input, list);
  other.querySelector("label").htmlFor = "search";
  panel.querySelector(".new-category")?.remove();
  input.addEventListener("input", () => find(input, list, categories));
  input.addEventListener("keydown", event => searchKey(event, input, list));
  input.addEventListener("blur", () => setTimeout(() => { list.hidden = true; lead(); }, 150));
}

function find(input, list, categories) {
  const wish = input.value.trim().toLowerCase();
  const begins = name => name.toLowerCase().startsWith(wish);
  const within = name => name.toLowerCase().includes(wish);
  const found = wish ? [
    ...categories.filter(begins),
    ...categories.filter(name => !begins(name) && within(name)),
  ].slice(0, 8) : [];
  list.replaceChildren(...found.map((name, at) => option(name, at)));
  if (wish && !found.length) {
    const none = document.createElement("li");
    none.textContent = says.saysNoMatch;
    none.className = "none";
    list.append(none);
  }
  if (wish && !categories.some(name => name.toLowerCase() === wish)) {
    list.append(option(input.value.trim(), found.length, true));
  }
  list.hidden = !wish;
  input.setAttribute("aria-expanded", String(Boolean(wish)));
  choose(list, found.length ? 0 : -1);
}

function option(category, number, isNew = false) {
  const item = document.createElement("li");
  item.textContent = isNew ? says.saysNew.replace("{category}", () => category) : category;
  item.dataset.category = category;
  if (isNew) item.dataset.isNew = "yes";
  item.id = `found-${number}`;
  item.setAttribute("role", "option");
  item.addEventListener("mousedown", event => {
    event.preventDefault();
    take(category, false, isNew);
  });
  return item;
}

function choose(list, number) {
  const items = [...list.querySelectorAll("[role=option]")];
  items.forEach((item, at) => item.setAttribute("aria-selected", String(at === number)));
  const chosen = items[number];
  const input = panel.querySelector("#search");
  if (chosen) input.setAttribute("aria-activedescendant", chosen.id);
  else input.removeAttribute("aria-activedescendant");
  chosen?.scrollIntoView({block: "nearest"});
  lead();
}

// Whatever Enter does next looks like it: the guess, or what was found.
function lead() {
  const list = panel.querySelector("#found");
  panel.querySelector(".choose")?.classList.toggle("searching", Boolean(list && !list.hidden));
}

function searchKey(event, input, list) {
  const items = [...list.querySelectorAll("[role=option]")];
  const at = items.findIndex(item => item.getAttribute("aria-selected") === "true");
  if (event.key === "Enter") {
    event.preventDefault();
    const chosen = items[at]?.dataset;
    if (chosen && !event.repeat) take(chosen.category, true, Boolean(chosen.isNew));
  } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    event.preventDefault();
    const by = event.key === "ArrowDown" ? 1 : -1;
    if (items.length) choose(list, (at + by + items.length) % items.length);
  } else if (event.key === "Escape") {
    input.value = "";
    list.hidden = true;
    lead();
    panel.querySelector("#guess").focus({preventScroll: true});
  }
  event.stopPropagation();
}

export function openSearch(letter) {
  const input = panel.querySelector("#search");
  if (!input) return;
  input.value = letter;
  input.focus();
  input.dispatchEvent(new Event("input"));
}
