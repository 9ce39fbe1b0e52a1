// Dropped or chosen photos go to incoming one by one, each with its progress and what became of it. On
// the page where one is tried, it is sent as soon as it is chosen. Without this script both are forms.
"use strict";
{
  const AT_ONCE = 2, TRIES = 4, LONGEST_WAIT_S = 30;
  const sending = document.querySelector("#send");
  const trying = document.querySelector("#try");
  const form = sending ?? trying;
  const field = form.querySelector("input[type=file]");
  const texts = sending ? JSON.parse(sending.dataset.texts) : {};
  const waiting = [];
  const count = {under_way: 0, received: 0, refused: 0};
  document.body.classList.add("with-script");

  function say(text, values = {}) {
    return Object.entries(values).reduce((said, [name, value]) => said.replace(`{${name}}`, value), text);
  }

  function tell() {
    const left = waiting.length + count.under_way;
    const sum = say(texts.sum, count);
    document.querySelector("#sum").textContent = left ? `${sum} ${say(texts.left, {left})}` : sum;
  }

  // --- one photo ---------------------------------------------------------------------------------

  function line(name) {
    const item = document.createElement("li");
    const title = document.createElement("strong"), words = document.createElement("span");
    const bar = document.createElement("progress");
    bar.max = 1;
    bar.value = 0;
    bar.setAttribute("aria-label", name);
    title.textContent = name;
    words.textContent = texts.waits;
    item.append(title, words, bar);
    document.querySelector("#sent").prepend(item);
    return {item, words, bar};
  }

  function post(file, shown) {
    return new Promise((resolve, reject) => {
      const request = new XMLHttpRequest(), body = new FormData();
      body.append("files", file, file.name);
      request.open("POST", sending.dataset.to);
      request.setRequestHeader("X-CSRF-Token", sending.elements.token.value);
      request.responseType = "json";
      request.upload.onprogress = event => {
        shown.bar.value = event.total ? event.loaded / event.total : 0;
        shown.words.textContent = event.loaded < event.total ? texts.goes : texts.looked_at;
      };
      request.onload = () => resolve(request);
      request.onerror = () => reject(new Error("no answer"));
      request.send(body);
    });
  }

  // What the answer says, in words; null: not yet, try again.
  function outcome(answer, name) {
    const said = answer.response;
    if (answer.status === 200 && said?.received.length) {
      const as = said.received[0].as;
      return {as, words: as === name ? texts.received : say(texts.received_as, {name: as})};
    }
    if (answer.status === 200 && said) return {words: texts.why[said.refused[0].code] ?? said.refused[0].error};
    // Of an outcome that is unknown, the photo may be there: once more would be twice.
    const isFinal = ["daemon_down", "unknown_outcome"].includes(said?.code);
    if ((answer.status === 429 || answer.status === 503) && !isFinal) return null;
    return {words: texts.why[said?.code] ?? said?.detail ?? texts.no_answer};
  }

  async function send(file, shown) {
    let last = {words: texts.no_answer};
    for (let tried = 1; tried <= TRIES; tried += 1) {
      let wait_s = tried;
      try {
        const answer = await post(file, shown);
        const found = outcome(answer, file.name);
        if (found) return found;
        last = {words: texts.why[answer.response?.code] ?? texts.no_answer};
        wait_s = Math.min(Number(answer.getResponseHeader("Retry-After")) || 1, LONGEST_WAIT_S);
      } catch {
        last = {words: texts.no_answer};
      }
      if (tried < TRIES) {
        shown.words.textContent = texts.again;
        await new Promise(resolve => setTimeout(resolve, wait_s * 1000));
      }
    }
    return last;
  }

  function show(shown, found) {
    shown.item.className = found.as ? "received" : "refused";
    shown.words.textContent = found.words;
    shown.bar.remove();
    count[found.as ? "received" : "refused"] += 1;
    if (!found.as) return;
    const link = document.createElement("a"), title = shown.item.querySelector("strong");
    link.href = sending.dataset.find + encodeURIComponent(found.as);
    link.textContent = title.textContent;
    title.replaceChildren(link);
  }

  async function work() {
    while (waiting.length && count.under_way < AT_ONCE) {
      const [file, shown] = waiting.shift();
      count.under_way += 1;
      tell();
      send(file, shown).then(found => {
        count.under_way -= 1;
        show(shown, found);
        tell();
        work();
      });
    }
  }

  // --- what is chosen or dropped -----------------------------------------------------------------

  function take(files) {
    if (!files.length) return;
    if (trying) {
      field.files = files;
      trying.requestSubmit();
      return;
    }
    document.querySelector("#outcome").hidden = false;
    for (const file of files) waiting.push([file, line(file.name)]);
    field.value = "";
    work();
  }

  field.addEventListener("change", () => take([...field.files].length && trying ? field.files : [...field.files]));
  for (const kind of ["dragenter", "dragover"]) {
    document.addEventListener(kind, event => {
      event.preventDefault();
      document.body.classList.add("over");
    });
  }
  for (const kind of ["dragleave", "drop"]) {
    document.addEventListener(kind, event => {
      if (kind === "dragleave" && event.relatedTarget) return;
      document.body.classList.remove("over");
    });
  }
  document.addEventListener("drop", event => {
    event.preventDefault();
    take(trying ? event.dataTransfer.files : [...event.dataTransfer.files]);
  });
  window.addEventListener("beforeunload", event => {
    if (waiting.length + count.under_way) event.preventDefault();
  });
}
