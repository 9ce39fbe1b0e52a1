// Keeps the top of the first page as it is now, and says so when it cannot. A page in the background
// asks for nothing, so that it keeps nobody signed in.
"use strict";
{
  const EVERY_MS = 15_000, OLD_MS = 60_000;
  const now = document.querySelector("#now");
  const stale = document.querySelector("#stale");
  let seenAt = performance.now();

  async function renew() {
    const answer = await fetch(now.dataset.source, {redirect: "error", cache: "no-store"});
    if (!answer.ok) throw new Error(answer.status);
    const text = await answer.text();
    seenAt = performance.now();
    if (!now.contains(document.activeElement)) now.innerHTML = text; // nobody loses the place
  }

  async function look() {
    if (document.hidden) return;
    try {
      await renew();
    } catch {
      // told below, once it is old
    }
    stale.hidden = performance.now() - seenAt < OLD_MS;
  }

  setInterval(look, EVERY_MS);
  document.addEventListener("visibilitychange", look);
}
