// Deciding and undoing. Each is sent in the background; what was not done comes back to its photo.
import {
  article, complain, complainOfNothing, countLeft, fill, mayDecide, says, tell, tellNothing,
} from "./page.js";
import {goOn, isWanted, note, show, unseen} from "./panel.js";
import {entryOf, putIn} from "./queue.js";
import {forget, inTurn, post} from "./server.js";
import {seconds} from "./watch.js";

const MADE = `nightsort-${says.queue}-made-${says.who}`;
const made = remembered(); // of this tab and person, the last one last

// word: what the server is told; what: the same in words.
export function decide(word, what, isByKey = false) {
  const shown = article();
  if (!mayDecide || !shown?.querySelector("form.decide") || !isWanted(shown.dataset.photo)) return;
  if (isByKey && unseen()) return tell(unseen());
  complainOfNothing();
  const {photo, name} = shown.dataset;
  const entry = entryOf(photo), next = entry?.nextElementSibling;
  const one = {photo, name, what, entry, upon: Number(shown.dataset.said)};
  const measured = says.measures ? {seconds: seconds()} : {};
  one.sent = inTurn(() => post(`${photo}/decision`, {...word, ...measured, upon: one.upon}));
  made.push(one);
  note(photo, what);
  one.sent.then(answer => decided(one, answer), problem => failed(one, problem));
  entry?.remove();
  countLeft(-1);
  tell(fill(says.saysDoing, one));
  goOn(next);
}

function decided(one, answer) {
  one.upon = answer.said;
  one.isDone = true;
  remember();
  forget(); // the others of its return are shown anew
  if (made.at(-1) === one) tell(fill(says.saysDone, one), undo);
}

function failed(one, problem) {
  made.splice(made.indexOf(one), 1);
  putBack(one, problem.code);
  complain(fill(isOpen(problem) ? says.saysOpen : says.saysFailed, {name: one.name, why: problem.why}));
  tellNothing();
  if (!article()) show(one.photo, problem.code);
}

// Whether it was done, nobody told: an answer may be lost on its way. The photo itself says so.
const isOpen = problem => ["no_answer", "unknown_outcome"].includes(problem.code);

function putBack(one, code = "") {
  putIn(one.photo, one.entry, code);
  note(one.photo);
  forget(one.photo);
  countLeft(1);
}

export async function undo() {
  const one = made.pop();
  if (!one) return tell(says.saysNothingToUndo);
  try {
    await one.sent; // what was not done has come back by itself
  } catch {
    return;
  }
  try {
    await inTurn(() => post(`${one.photo}/undo`, {upon: one.upon}));
  } catch (problem) {
    remember();
    complain(fill(isOpen(problem) ? says.saysOpen : says.saysNotBack, {name: one.name, why: problem.why}));
    return;
  }
  remember();
  putBack(one);
  tell(fill(says.saysBack, one));
  show(one.photo);
}

// What was decided can be undone after the page was loaded again, too.
function remember() {
  const kept = made.filter(one => one.isDone).slice(-50);
  const plain = kept.map(({photo, name, what, upon}) => ({photo, name, what, upon}));
  sessionStorage.setItem(MADE, JSON.stringify(plain));
}

function remembered() {
  try {
    const kept = JSON.parse(sessionStorage.getItem(MADE) ?? "[]");
    for (const {photo, what} of kept) note(photo, what);
    return kept.map(one => ({...one, isDone: true, sent: Promise.resolve()}));
  } catch {
    return [];
  }
}
