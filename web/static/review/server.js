// Talking to the server: what is decided is sent one after the other; panels are loaded ahead.
import {fill, says} from "./page.js";

const ATTEMPTS = 4;
const panels = new Map(); // by photo: its panel's text, as a promise
let sending = Promise.resolve(), pending = 0;

export const isSending = () => pending > 0;

const whys = JSON.parse(says.whys);

// Throws {code, why} for whatever was not done.
export async function post(path, body) {
  let answer;
  try {
    answer = await fetch(says.photos + path, {
      method: "POST",
      headers: {"Content-Type": "application/json", "X-CSRF-Token": says.token},
      body: JSON.stringify(body),
    });
  } catch {
    throw {code: "no_answer", why: says.saysNoAnswer};
  }
  const told = await answer.json().catch(() => ({}));
  if (answer.ok) return told;
  throw {code: told.code ?? "", why: why(told) ?? String(answer.status)};
}

// In the language of the page; what that has no words for, as programs are told.
function why({code, detail, by, word, category}) {
  if (!by) return whys[code] ?? detail;
  if (word === "taken_back") return fill(says.saysTakenBack, {who: by});
  return fill(says.saysDecided, {who: by, what: word === "retake" ? says.saysRetake : category});
}

export function inTurn(act) {
  pending += 1;
  const result = sending.then(act);
  sending = result.then(() => {}, () => {});
  return result.finally(() => { pending -= 1; });
}

// A server that is busy, or a network that fails for a moment, is asked again while isWanted().
export async function loadPanel(photo, code, isWanted) {
  const prepared = code ? undefined : await panels.get(photo)?.catch(() => undefined);
  for (let attempt = 1; prepared === undefined; attempt += 1) {
    try {
      return await load(photo, code);
    } catch (error) {
      if (attempt === ATTEMPTS || !isWanted()) throw error;
      await new Promise(resolve => setTimeout(resolve, attempt * 500));
    }
  }
  return prepared;
}

async function load(photo, code = "") {
  const answer = await fetch(`${says.panels}${photo}?queue=${says.queue}${code ? `&code=${code}` : ""}`);
  if (answer.redirected) location.reload(); // signed out
  if (!answer.ok) throw new Error(String(answer.status));
  return answer.text();
}

export function prepare(photo) {
  if (panels.has(photo)) return;
  const loading = load(photo);
  panels.set(photo, loading);
  loading.then(text => {
    const big = parsed(text).querySelector("#big");
    if (big) new Image().src = big.src;
  }).catch(() => panels.delete(photo));
}

// What was loaded ahead may not be so any more: of one photo, or of all.
export function forget(photo) {
  if (photo === undefined) panels.clear();
  else panels.delete(photo);
}

export function parsed(text) {
  const holder = document.createElement("template");
  holder.innerHTML = text;
  return holder.content;
}
