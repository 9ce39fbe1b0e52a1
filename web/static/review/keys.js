// What each key does, the help that says so, and the box that switches them off.
import {goOnToNews} from "./arrivals.js";
import {decide, undo} from "./deciding.js";
import {article, mayDecide, panel, says} from "./page.js";
import {step} from "./panel.js";
import {openSearch} from "./search.js";

const KEYS = "nightsort-review-keys";
const help = document.querySelector("#help");
const withKeys = document.querySelector("#with-keys");

function press(key) {
  const button = panel.querySelector(`button[data-key="${key}"]`);
  if (button) decide({decision: "category", category: button.value}, button.value, true);
}

function act(key) {
  const agree = panel.querySelector(".agree");
  if (key === "ArrowLeft") step(-1);
  else if (key === "ArrowRight") step(1);
  else if (key === "?") help.showModal();
  else if (key === "Enter" && !article()) return goOnToNews();
  else if (!mayDecide) return false;
  else if (key === "z" || key === "Z") undo();
  else if (!article() || !agree) return false;
  else if (key === "Enter") decide({decision: "agree"}, agree.dataset.what, true);
  else if (/^[1-9]$/.test(key)) press(key);
  else if (key === "r" || key === "R") decide({decision: "retake"}, says.saysRetake, true);
  else if (key === "/") openSearch("");
  else if (/^\p{L}$/u.test(key)) openSearch(key);
  else return false;
  return true;
}

function pressed(event) {
  if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
  if (!withKeys.checked || help.open) return;
  const on = event.target;
  if (on.closest("input, select, textarea")) return;
  // Enter and space on a button or link are that one's.
  if ((event.key === "Enter" || event.key === " ") && on.closest("a, button, summary")) return;
  const isArrow = event.key.startsWith("Arrow");
  if (event.repeat && !isArrow) return event.preventDefault(); // held down: once is enough
  if (act(event.key)) event.preventDefault();
}

function switched() {
  document.body.classList.toggle("without-keys", !withKeys.checked);
}

export function listenToKeys() {
  const button = document.querySelector("#help-button");
  button.hidden = false;
  button.addEventListener("click", () => help.showModal());
  withKeys.checked = localStorage.getItem(KEYS) !== "off";
  withKeys.addEventListener("change", () => {
    localStorage.setItem(KEYS, withKeys.checked ? "on" : "off");
    switched();
  });
  switched();
  document.addEventListener("keydown", pressed);
}
