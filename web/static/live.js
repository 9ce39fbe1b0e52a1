// Keeps a part of a page as it is now, and says so when it cannot.
import {follow} from "./news.js";

const OLD_MS = 30_000, LOOK_MS = 1_500, ANSWER_MS = 10_000;
const now = document.querySelector("#now");
const stale = document.querySelector("#stale");
let seenAt = performance.now();

async function renew() {
  const answer = await fetch(now.dataset.source, {
    redirect: "error", cache: "no-store", signal: AbortSignal.timeout(ANSWER_MS),
  });
  if (!answer.ok) throw new Error(answer.status);
  const text = await answer.text();
  seenAt = performance.now();
  if (!now.contains(document.activeElement)) now.innerHTML = text; // nobody loses the place
}

// Nothing has changed: what stands there is as true as if it had been asked for.
function stillSo(time) {
  seenAt = performance.now();
  const shown = now.querySelector("time.now");
  if (shown) shown.textContent = time;
}

function tellAge() {
  if (!document.hidden) stale.hidden = performance.now() - seenAt < OLD_MS;
}

function stayOn() {
  if (now.dataset.staysOn && !document.hidden) navigator.wakeLock?.request("screen").catch(() => {});
}

follow(now.dataset.events, renew, {beat: stillSo});
setInterval(tellAge, LOOK_MS);
document.addEventListener("visibilitychange", stayOn);
stayOn();
