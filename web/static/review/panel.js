// The photo that is shown large: which it is, and the next ones made ready.
import {article, complain, mark, panel, says} from "./page.js";
import {entries, loadMore, markShown} from "./queue.js";
import {makeSearch} from "./search.js";
import {forget, loadPanel, parsed, prepare} from "./server.js";
import {begin as beginToWatch} from "./watch.js";

const ATTEMPTS = 4;
const AHEAD = 3; // photos that are loaded before they are asked for
const told = new Map(); // by photo: what became of it, which its neighbours may not know yet
let wanted = article()?.dataset.photo;

export const isWanted = photo => wanted === photo;

export async function show(photo, code = "") {
  wanted = photo;
  panel.setAttribute("aria-busy", "true");
  let text;
  try {
    text = await loadPanel(photo, code, () => isWanted(photo));
  } catch {
    if (isWanted(photo)) complain(says.saysNoAnswer);
    return;
  }
  if (!isWanted(photo)) return; // somebody went on meanwhile
  forget(photo); // seen now; the next time it may be another
  panel.replaceChildren(parsed(text));
  panel.removeAttribute("aria-busy");
  beginToWatch();
  history.replaceState(null, "", `${says.here}&photo=${photo}`);
  begin();
}

export function begin() {
  const shown = article()?.dataset.photo;
  markShown(shown);
  relabel();
  makeSearch();
  bringPicture();
  panel.querySelector("#guess, .all-done")?.focus({preventScroll: true});
  const list = entries();
  const at = list.findIndex(entry => entry.dataset.photo === shown);
  list.slice(at + 1, at + 1 + AHEAD).forEach(entry => prepare(entry.dataset.photo));
  if (list.length - at <= 2 * AHEAD) lookForMore();
}

async function lookForMore() {
  await loadMore();
  if (!article() && entries().length) show(entries()[0].dataset.photo);
}

// next: the entry after the one that was decided; without one the first, and else nothing.
export function goOn(next) {
  const further = next ?? entries()[0];
  if (further) show(further.dataset.photo, further.dataset.code);
  else showNone();
}

function showNone() {
  wanted = undefined;
  panel.replaceChildren(document.querySelector("#empty").content.cloneNode(true));
  history.replaceState(null, "", says.here);
  begin();
}

export function step(by) {
  const list = entries();
  const at = list.findIndex(entry => isWanted(entry.dataset.photo));
  const next = list[at < 0 ? 0 : at + by];
  if (next) show(next.dataset.photo, next.dataset.code);
}

// What was decided a moment ago may not have been known when the panel was loaded.
export function note(photo, what) {
  if (what === undefined) told.delete(photo);
  else told.set(photo, what);
}

function relabel() {
  for (const [photo, what] of told) {
    const words = panel.querySelector(`.beside a[data-photo="${photo}"] span`);
    if (words) words.textContent = what;
  }
}

// --- its picture -----------------------------------------------------------------------------

// Nobody decides by a key what they cannot have seen; a button takes a moment longer to find.
export function unseen() {
  const big = panel.querySelector("#big");
  if (!big || !big.complete) return big ? says.saysWait : "";
  return big.naturalWidth ? "" : says.saysNoPicture;
}

function bringPicture(attempt = 1) {
  const big = panel.querySelector("#big");
  if (!big) return;
  const again = () => {
    if (attempt >= ATTEMPTS) return;
    setTimeout(() => {
      if (!big.isConnected || big.dataset.own) return;
      bringPicture(attempt + 1);
      big.src = big.src;
    }, attempt * 1000);
  };
  if (big.complete && !big.naturalWidth) again();
  else big.addEventListener("error", again, {once: true});
}

// Another photo of the return in place of the big one, and back again.
export function enlarge(link) {
  const big = panel.querySelector("#big");
  const isShown = link.hasAttribute("aria-current");
  big.dataset.own ??= big.src;
  panel.querySelectorAll(".beside a").forEach(one => mark(one, one === link && !isShown));
  big.src = isShown ? big.dataset.own : link.dataset.large;
}
