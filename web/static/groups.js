// The review in groups: a range by Shift, a whole group by its button or Ctrl+A, and keys. Without this
// script each photo has its box, and the form works as it is.
import {goOnToNews, tellOfArrivals} from "./review/arrivals.js";
import {begin, seconds} from "./review/watch.js";

const form = document.querySelector("#groups");
const undo = document.querySelector("#undo");
const boxes = form ? [...form.querySelectorAll("input[name=photo]:not(:disabled)")] : [];
const count = document.querySelector("#count");
const isOff = localStorage.getItem("nightsort-review-keys") === "off";
let last = null, isSent = false;
document.body.classList.add("with-script");
document.body.classList.toggle("without-keys", isOff);

const chosen = () => boxes.filter(box => box.checked);

// What agreeing files them under: alike photos are not always taken for the same.
function guesses() {
  const counts = new Map();
  for (const { dataset: { guess } } of chosen()) counts.set(guess, (counts.get(guess) ?? 0) + 1);
  return counts.size === 1 ? [...counts.keys()][0] : [...counts].map(one => one.reverse().join(" ")).join(", ");
}

function tell() {
  if (!count) return;
  const number = chosen().length;
  const says = form.dataset;
  count.textContent = number ? says.saysChosen.replace("{count}", number) : says.saysNone;
  for (const button of form.querySelectorAll(".stroke button")) button.disabled = !number;
  form.querySelector("#guesses").textContent = number ? `: ${guesses()}` : "";
  const other = form.querySelector("#other");
  form.querySelector("button[value=other]").disabled = !number || !other.value;
}

// From the last one that was chosen to this one, as file managers do.
function range(box) {
  const ends = [boxes.indexOf(last), boxes.indexOf(box)].sort((one, other) => one - other);
  boxes.slice(ends[0], ends[1] + 1).forEach(one => { one.checked = box.checked; });
}

function whole(group) {
  const own = boxes.filter(box => group.contains(box));
  const isAll = own.every(box => box.checked);
  own.forEach(box => { box.checked = !isAll; });
  tell();
}

function press(value) {
  const button = form?.querySelector(`.stroke button[value=${value}]`);
  if (button && !button.disabled) form.requestSubmit(button);
}

function step(event) {
  const at = boxes.indexOf(document.activeElement);
  const next = boxes[at + (event.key === "ArrowRight" ? 1 : -1)] ?? boxes[0];
  next?.focus();
  if (event.shiftKey && next) {
    if (at >= 0) boxes[at].checked = true;
    next.checked = true;
    last = next;
    tell();
  }
}

function act(event) {
  const on = document.activeElement;
  if (event.key === "ArrowRight" || event.key === "ArrowLeft") step(event);
  else if (event.key === "Escape") { boxes.forEach(box => { box.checked = false; }); tell(); }
  else if (event.key === "a" && (event.ctrlKey || event.metaKey)) {
    const group = on?.closest("fieldset") ?? form?.querySelector("fieldset");
    if (group) whole(group);
  } else if (event.ctrlKey || event.altKey || event.metaKey) return false;
  else if (event.key === "Enter" && !on?.closest("a, button")) {
    if (!goOnToNews()) press("agree");
  }
  else if (event.key === "r" || event.key === "R") press("retake");
  else if (event.key === "z" || event.key === "Z") undo?.requestSubmit();
  else return false;
  return true;
}

document.addEventListener("keydown", event => {
  if (isOff || event.isComposing || event.target.closest("select")) return;
  if (event.repeat && !event.key.startsWith("Arrow")) return event.preventDefault();
  if (act(event)) event.preventDefault();
});

form?.addEventListener("click", event => {
  const group = event.target.closest(".whole")?.closest("fieldset");
  if (group) return whole(group);
  const box = event.target.closest("input[name=photo]");
  if (!box) return;
  if (event.shiftKey && last) range(box);
  last = box;
  tell();
});
form?.addEventListener("change", tell);
for (const one of [form, undo]) {
  one?.addEventListener("submit", event => {
    if (isSent) event.preventDefault(); // a second click before the answer
    isSent = true;
    if (one.elements.seconds) one.elements.seconds.value = seconds();
  });
}
window.addEventListener("pageshow", event => {
  if (event.persisted) begin(); // shown again by Back: what was counted was sent
  isSent = false;
  tell();
});
for (const button of document.querySelectorAll(".whole")) button.hidden = false;
tell();
tellOfArrivals();
