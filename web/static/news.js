// Has a page ask anew when there is something new: the server tells, and where it cannot be listened
// to, the page asks now and then. A page in the background does neither, so that it keeps nobody signed in.
const EVERY_MS = 15_000, LOOK_MS = 1_500, AGAIN_MS = 60_000;
const OPEN = 1, CLOSED = 2; // of events; what has none has no names for these either

// url: of the events. ask(): asks for what is shown; a promise, rejected where that failed. gapMs: many
// changes in it are asked for once. beat(time): nothing has changed. isWanted(): whether it matters now.
export function follow(url, ask, {gapMs = LOOK_MS, beat = () => {}, isWanted = () => true} = {}) {
  let events = null, refusedAt = -Infinity, askedAt = performance.now();
  let isAsking = false, hasFailed = false, isNewer = false; // there is something newer than what is shown

  function dueAfter() {
    if (hasFailed) return EVERY_MS;
    if (isNewer) return gapMs;
    return events?.readyState === OPEN ? Infinity : EVERY_MS;
  }

  async function renew() {
    if (isAsking) return;
    isAsking = true;
    isNewer = false;
    askedAt = performance.now();
    try {
      await ask();
      hasFailed = false;
    } catch {
      hasFailed = isNewer = true;
    }
    isAsking = false;
  }

  function listen() {
    if (events || !window.EventSource || performance.now() - refusedAt < AGAIN_MS) return;
    events = new EventSource(url);
    events.addEventListener("open", renew);
    events.addEventListener("changed", () => { isNewer = true; look(); });
    events.addEventListener("beat", event => { if (!isNewer && !isAsking) beat(event.data); });
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
    if (document.hidden || !isWanted()) return stop();
    listen();
    if (performance.now() - askedAt > dueAfter()) renew();
  }

  setInterval(look, LOOK_MS);
  document.addEventListener("visibilitychange", () => {
    isNewer = true; // whatever happened meanwhile
    look();
  });
  window.addEventListener("pagehide", stop);
  window.addEventListener("pageshow", look); // also from where browsers keep pages one went back from
}
