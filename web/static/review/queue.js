// The row of what waits.
import {mark, says} from "./page.js";

export const queue = document.querySelector("#queue");
const strip = queue.closest("nav");
let isLoading = false;

export const entries = () => [...queue.children];
export const entryOf = photo => queue.querySelector(`li[data-photo="${photo}"]`);

// Shows which one is shown large; null: none.
export function markShown(photo) {
  for (const entry of entries()) {
    const isShown = entry.dataset.photo === photo;
    mark(entry.firstElementChild, isShown);
    if (isShown) queue.scrollLeft = entry.offsetLeft - queue.offsetLeft - queue.clientWidth / 3;
  }
  strip.hidden = !queue.children.length;
}

// Those that were not among them yet; what fails is tried again with the next photo.
export async function loadMore() {
  const more = document.querySelector("#more");
  if (!more || isLoading) return;
  isLoading = true;
  try {
    const answer = await fetch(more.href);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const entry of page.querySelectorAll("#queue > li")) {
      mark(entry.firstElementChild, false);
      if (!entryOf(entry.dataset.photo)) queue.append(document.adoptNode(entry));
    }
    const further = page.querySelector("#more");
    if (further) more.href = further.href;
    else more.remove();
    strip.hidden = !queue.children.length;
  } catch {
    // said above
  } finally {
    isLoading = false;
  }
}

// At its place by age; code: why it came back, if it was not done.
export function putIn(photo, entry, code) {
  const one = entryOf(photo) ?? entry ?? newEntry(photo);
  one.dataset.code = code;
  one.classList.toggle("failed", Boolean(code));
  const before = entries().find(other => Number(other.dataset.photo) > Number(photo));
  queue.insertBefore(one, before ?? null);
  strip.hidden = false;
}

function newEntry(photo) {
  const entry = document.createElement("li"), link = document.createElement("a");
  const picture = new Image(72, 72);
  picture.src = `${says.photos}${photo}/image?side=128`;
  picture.alt = `#${photo}`;
  entry.dataset.photo = photo;
  link.href = `${says.here}&photo=${photo}`;
  link.append(picture);
  entry.append(link);
  return entry;
}
