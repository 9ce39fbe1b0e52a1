// How long somebody has looked. It stands still while the page is hidden; of a pause in which nobody
// moves anything a minute counts, so that breaks and idle tabs do not. Without this nothing is measured.
const LONGEST_PAUSE_MS = 60_000, MOST_SECONDS = 86_400;
const SIGNS = ["pointermove", "pointerdown", "keydown", "wheel", "scroll"];
let looked = 0, since = performance.now(), isSeen = !document.hidden;

function go() {
  const now = performance.now();
  if (isSeen) looked += Math.min(now - since, LONGEST_PAUSE_MS);
  since = now;
  isSeen = !document.hidden;
}

for (const sign of SIGNS) document.addEventListener(sign, go, {capture: true, passive: true});
document.addEventListener("visibilitychange", go);

// Something else is shown from now on.
export function begin() {
  looked = 0;
  since = performance.now();
}

export function seconds() {
  go();
  return Math.min(looked / 1000, MOST_SECONDS);
}
