// The review by keys. Each decision is sent in the background, one after the other; the next photo is
// shown at once. Whatever the server does not do comes back to its photo, with the reason.
// Without this script the page works by its forms.
"use strict";
{
  const root = document.querySelector("#review");
  const says = root.dataset;
  const panel = document.querySelector("#panel");
  const queue = document.querySelector("#queue");
  const strip = queue.closest("nav");
  const said = document.querySelector("#said");
  const alertBox = document.querySelector("#alert");
  const left = document.querySelector("#left");
  const help = document.querySelector("#help");
  const withKeys = document.querySelector("#with-keys");
  const mayDecide = Boolean(says.mayDecide);
  const KEYS = "nightsort-review-keys", MADE = `nightsort-${says.queue}-made`;
  const ATTEMPTS = 4;
  const AHEAD = 3; // photos that are loaded before they are asked for
  const panels = new Map(); // by photo: its panel's text, as a promise
  const made = remembered(); // decisions of this tab, the last one last
  const search = categorySearch(panel, says, (category, isByKey) => {
    decide({decision: "category", category}, category, isByKey);
  });
  let sending = Promise.resolve(), pending = 0, isLoadingMore = false;

  const fill = (text, values) => text.replace(/\{(\w+)\}/g, (all, name) => values[name] ?? all);
  const article = () => panel.querySelector("article");
  const entryOf = photo => queue.querySelector(`li[data-photo="${photo}"]`);
  const entries = () => [...queue.children];

  // --- talking to the server ---------------------------------------------------------------

  async function post(path, body) {
    let answer;
    try {
      answer = await fetch(says.photos + path, {
        method: "POST",
        headers: {"Content-Type": "application/json", "X-CSRF-Token": says.token},
        body: JSON.stringify(body),
      });
    } catch {
      throw {code: "no_answer", detail: says.saysNoAnswer};
    }
    const document = await answer.json().catch(() => ({}));
    if (answer.ok) return document;
    if (answer.status === 401) throw {code: "signed_out", detail: says.saysSignedOut};
    throw {code: document.code ?? "", detail: document.detail ?? String(answer.status)};
  }

  function inTurn(act) {
    pending += 1;
    const result = sending.then(act);
    sending = result.then(() => {}, () => {});
    return result.finally(() => { pending -= 1; });
  }

  // A server that is busy, or a network that fails for a moment, is asked again.
  async function loadPatiently(photo, code) {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await load(photo, code);
      } catch (error) {
        if (attempt === ATTEMPTS || wanted !== photo) throw error;
        await new Promise(resolve => setTimeout(resolve, attempt * 500));
      }
    }
  }

  async function load(photo, code = "") {
    const answer = await fetch(`${says.panels}${photo}?queue=${says.queue}${code ? `&code=${code}` : ""}`);
    if (answer.redirected) location.reload(); // signed out
    if (!answer.ok) throw new Error(String(answer.status));
    return answer.text();
  }

  function prepare(photo) {
    if (panels.has(photo)) return;
    const loading = load(photo);
    panels.set(photo, loading);
    loading.then(text => {
      const big = parsed(text).querySelector("#big");
      if (big) new Image().src = big.src;
    }).catch(() => panels.delete(photo));
  }

  function parsed(text) {
    const holder = document.createElement("template");
    holder.innerHTML = text;
    return holder.content;
  }

  // --- what is shown -------------------------------------------------------------------------

  async function show(photo, code = "") {
    wanted = photo;
    panel.setAttribute("aria-busy", "true");
    let text;
    try {
      const prepared = code ? undefined : await panels.get(photo)?.catch(() => undefined);
      text = prepared ?? await loadPatiently(photo, code);
    } catch {
      if (wanted === photo) complain(says.saysNoAnswer);
      return;
    }
    if (wanted !== photo) return; // somebody went on meanwhile
    panels.delete(photo); // seen now; the next time it may be another
    panel.replaceChildren(parsed(text));
    panel.removeAttribute("aria-busy");
    history.replaceState(null, "", `${says.here}&photo=${photo}`);
    begin();
  }
  let wanted = article()?.dataset.photo;

  function begin() {
    const shown = article();
    for (const entry of entries()) {
      const isShown = entry.dataset.photo === shown?.dataset.photo;
      mark(entry.firstElementChild, isShown);
      if (isShown) queue.scrollLeft = entry.offsetLeft - queue.offsetLeft - queue.clientWidth / 3;
    }
    relabel();
    strip.hidden = !queue.children.length;
    search.make();
    bringPicture();
    panel.querySelector("#guess, .all-done")?.focus({preventScroll: true});
    const list = entries();
    const at = list.findIndex(entry => entry.dataset.photo === shown?.dataset.photo);
    list.slice(at + 1, at + 1 + AHEAD).forEach(entry => prepare(entry.dataset.photo));
    if (list.length - at <= 2 * AHEAD) loadMore();
  }

  function mark(link, isCurrent) {
    if (isCurrent) link.setAttribute("aria-current", "true");
    else link.removeAttribute("aria-current");
  }

  // What was decided a moment ago may not have been known when the panel was loaded.
  function relabel() {
    for (const one of made) {
      const words = panel.querySelector(`.beside a[data-photo="${one.photo}"] span`);
      if (words) words.textContent = one.what;
    }
  }

  function showNone() {
    wanted = undefined;
    panel.replaceChildren(document.querySelector("#empty").content.cloneNode(true));
    history.replaceState(null, "", says.here);
    begin();
  }

  async function loadMore() {
    const more = document.querySelector("#more");
    if (!more || isLoadingMore) return;
    isLoadingMore = true;
    try {
      const answer = await fetch(more.href);
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      for (const entry of page.querySelectorAll("#queue > li")) {
        if (!entryOf(entry.dataset.photo)) queue.append(document.adoptNode(entry));
      }
      const further = page.querySelector("#more");
      if (further) more.href = further.href;
      else more.remove();
      for (const link of queue.querySelectorAll("[aria-current]")) {
        mark(link, link.parentElement.dataset.photo === wanted);
      }
      strip.hidden = !queue.children.length;
      if (!article() && queue.children.length) show(entries()[0].dataset.photo);
    } catch {
      // tried again with the next photo
    } finally {
      isLoadingMore = false;
    }
  }

  function step(by) {
    const list = entries();
    const at = list.findIndex(entry => entry.dataset.photo === wanted);
    const next = list[at < 0 ? 0 : at + by];
    if (next) show(next.dataset.photo, next.dataset.code);
  }

  function tell(text, undoes) {
    const words = document.createElement("span");
    words.textContent = text;
    said.replaceChildren(words);
    if (!undoes) return;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "plain";
    button.innerHTML = "<kbd>Z</kbd> ";
    button.append(undoes);
    button.addEventListener("click", undo);
    said.append(button);
  }

  function complain(text) {
    const words = document.createElement("p");
    words.className = "notice bad";
    const mark = document.createElement("span");
    mark.textContent = "!";
    mark.ariaHidden = "true";
    words.append(mark, text);
    alertBox.replaceChildren(words);
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
      return kept.map(one => ({...one, isDone: true, sent: Promise.resolve()}));
    } catch {
      return [];
    }
  }

  // --- deciding ------------------------------------------------------------------------------

  // Nobody decides by a key what they cannot have seen; a button takes a moment longer to find.
  function unseen() {
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

  function decide(word, what, isByKey = false) {
    const shown = article();
    if (!mayDecide || !shown?.querySelector("form.decide") || wanted !== shown.dataset.photo) return;
    if (isByKey && unseen()) return tell(unseen());
    alertBox.replaceChildren();
    const {photo, name} = shown.dataset;
    const entry = entryOf(photo);
    const next = entry?.nextElementSibling ?? null;
    const one = {photo, name, what, entry, next, upon: Number(shown.dataset.said)};
    one.sent = inTurn(() => post(`${photo}/decision`, {...word, upon: one.upon}));
    made.push(one);
    one.sent.then(document => decided(one, document), problem => failed(one, problem));
    entry?.remove();
    left.textContent = Math.max(0, Number(left.textContent) - 1);
    tell(fill(says.saysDoing, one));
    const further = next ?? entries()[0];
    if (further) show(further.dataset.photo, further.dataset.code);
    else if (document.querySelector("#more")) { showNone(); loadMore(); }
    else showNone();
  }

  function decided(one, document) {
    one.upon = document.said;
    one.isDone = true;
    remember();
    panels.clear(); // the others of its return are shown anew
    if (made.at(-1) === one) tell(fill(says.saysDone, one), says.undo);
  }

  function failed(one, problem) {
    made.splice(made.indexOf(one), 1);
    putBack(one, problem.code);
    complain(fill(says.saysFailed, {name: one.name, why: problem.detail}));
    said.replaceChildren();
    if (!article()) show(one.photo, problem.code);
  }

  function putBack(one, code = "") {
    const entry = entryOf(one.photo) ?? one.entry ?? newEntry(one.photo);
    entry.dataset.code = code;
    entry.classList.toggle("failed", Boolean(code));
    const before = entries().find(other => Number(other.dataset.photo) > Number(one.photo));
    queue.insertBefore(entry, before ?? null);
    strip.hidden = false;
    panels.delete(one.photo);
    left.textContent = Number(left.textContent) + 1;
  }

  function newEntry(photo) {
    const entry = document.createElement("li"), link = document.createElement("a");
    const picture = new Image(72, 72);
    picture.src = `${says.photos}${photo}/image?side=128`;
    picture.alt = "";
    entry.dataset.photo = photo;
    link.href = `${says.here}&photo=${photo}`;
    link.append(picture);
    entry.append(link);
    return entry;
  }

  async function undo() {
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
      complain(fill(says.saysNotBack, {name: one.name, why: problem.detail}));
      return;
    }
    remember();
    putBack(one);
    tell(fill(says.saysBack, one));
    show(one.photo);
  }

  // --- keys and clicks -----------------------------------------------------------------------

  function press(key) {
    const button = panel.querySelector(`button[data-key="${key}"]`);
    if (button) decide({decision: "category", category: button.value}, button.value, true);
  }

  function act(key) {
    const shown = article();
    const agree = panel.querySelector(".agree");
    if (key === "ArrowLeft") step(-1);
    else if (key === "ArrowRight") step(1);
    else if (key === "?") openHelp();
    else if (!mayDecide) return false;
    else if (key === "z" || key === "Z") undo();
    else if (!shown || !agree) return false;
    else if (key === "Enter") decide({decision: "agree"}, agree.dataset.what, true);
    else if (/^[1-9]$/.test(key)) press(key);
    else if (key === "r" || key === "R") decide({decision: "retake"}, says.saysRetake, true);
    else if (key === "/") search.open("");
    else if (/^\p{L}$/u.test(key)) search.open(key);
    else return false;
    return true;
  }

  document.addEventListener("keydown", event => {
    if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
    if (!withKeys.checked || help.open) return;
    const on = event.target;
    if (on.closest("input, select, textarea")) return;
    // Enter and space on a button or link are that one's.
    if ((event.key === "Enter" || event.key === " ") && on.closest("a, button, summary")) return;
    const isArrow = event.key.startsWith("Arrow");
    if (event.repeat && !isArrow) return event.preventDefault(); // held down: once is enough
    if (act(event.key)) event.preventDefault();
  });

  panel.addEventListener("submit", event => {
    const button = event.submitter;
    if (!button) return;
    if (event.target.matches("form.decide")) {
      event.preventDefault();
      if (button.value === "agree") decide({decision: "agree"}, button.dataset.what);
      else if (button.value === "retake") decide({decision: "retake"}, says.saysRetake);
      else decide({decision: "category", category: button.value}, button.value);
    }
  });

  // The other photos of the return are shown large in place of the big one, and back again.
  panel.addEventListener("click", event => {
    const link = event.target.closest(".beside a");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const big = panel.querySelector("#big");
    const isShown = link.hasAttribute("aria-current");
    big.dataset.own ??= big.src;
    panel.querySelectorAll(".beside a").forEach(one => mark(one, one === link && !isShown));
    big.src = isShown ? big.dataset.own : link.dataset.large;
  });

  queue.addEventListener("click", event => {
    const entry = event.target.closest("li");
    if (!entry || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    show(entry.dataset.photo, entry.dataset.code);
  });

  function openHelp() {
    help.showModal();
  }

  const helpButton = document.querySelector("#help-button");
  helpButton.hidden = false;
  helpButton.addEventListener("click", openHelp);
  withKeys.checked = localStorage.getItem(KEYS) !== "off";
  withKeys.addEventListener("change", () => {
    localStorage.setItem(KEYS, withKeys.checked ? "on" : "off");
    document.body.classList.toggle("without-keys", !withKeys.checked);
  });
  document.body.classList.toggle("without-keys", !withKeys.checked);
  document.body.classList.add("with-script");
  window.addEventListener("beforeunload", event => { if (pending) event.preventDefault(); });
  begin();
}
