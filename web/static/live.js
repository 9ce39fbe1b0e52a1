// Keeps a part of a page as it is now, and says so when it cannot: the server tells when there is
// something new, and where it cannot be listened to, the page asks now and then. A page in the
// background does neither, so that it keeps nobody signed in.
"use strict";
{
  const EVERY_MS = 15_000, OLD_MS = 30_000, GAP_MS = 1_500, AGAIN_MS = 60_000, ANSWER_MS = 10_000;
  const OPEN = 1, CLOSED = 2; // of events; what has none has no names for these either
  const now = document.querySelector("#now");
  const stale = document.querySelector("#stale");
  let events = null, refusedAt = -Infinity;
  let seenAt = performance.now(), askedAt = seenAt;
  let isAsking = false, hasFailed = false, isNewer = false; // there is something newer than what is shown

  function dueAfter() {
    if (hasFailed) return EVERY_MS;
    if (isNewer) return GAP_MS; // many changes in a second are asked for once
    return events?.readyState === OPEN ? Infinity : EVERY_MS;
  }

  async function renew() {
    if (isAsking) return;
    isAsking = true;
    isNewer = false;
    askedAt = performance.now();
    try {
      const answer = await fetch(now.dataset.source, {
        redirect: "error", cache: "no-store", signal: AbortSignal.timeout(ANSWER_MS),
      });
      if (!answer.ok) throw new Error(answer.status);
      show(await answer.text());
      hasFailed = false;
    } catch {
      hasFailed = isNewer = true; // told below, once it is old
    }
    isAsking = false;
  }

  function show(text) {
    seenAt = performance.now();
    if (!now.contains(document.activeElement)) now.innerHTML = text; // nobody loses the place
  }

  // Nothing has changed: what stands there is as true as if it had been asked for.
  function stillSo(time) {
    if (isNewer || isAsking) return;
    seenAt = performance.now();
    const shown = now.querySelector("time.now");
    if (shown) shown.textContent = time;
  }

  function listen() {
    if (events || !window.EventSource || performance.now() - refusedAt < AGAIN_MS) return;
    events = new EventSource(now.dataset.events);
    events.addEventListener("open", renew);
    events.addEventListener("changed", () => { isNewer = true; look(); });
    events.addEventListener("beat", event => stillSo(event.data));
    events.addEventListener("end", () => location.reload()); // signed out
    events.addEventListener("error", () => {
      if (events?.readyState !== CLOSED) return; // it comes again by itself
      stop();
      refusedAt = performance.now();
    });
  }

  function stop() {
    events?.close();
    events = null;
  }

  function look() {
    if (document.hidden) return stop();
    listen();
    if (performance.now() - askedAt > dueAfter()) renew();
    stale.hidden = performance.now() - seenAt < OLD_MS;
  }

  function stayOn() {
    if (now.dataset.staysOn && !document.hidden) navigator.wakeLock?.request("screen").catch(() => {});
  }

  setInterval(look, GAP_MS);
  document.addEventListener("visibilitychange", () => {
    isNewer = true; // whatever happened meanwhile
    look();
    stayOn();
  });
  window.addEventListener("pagehide", stop);
  window.addEventListener("pageshow", look); // also from where browsers keep pages one went back from
  stayOn();
}
