// Where nothing is left to decide: says so when photos have come since. Whoever looks goes on by Enter, or
// by the button; until then nothing that is shown gives way.
import {follow} from "../news.js";

const GAP_MS = 5_000, ANSWER_MS = 10_000;
const says = document.querySelector(".review-bar").dataset;
const section = () => document.querySelector("main .all-done");

async function ask(isWanted) {
  const answer = await fetch(says.here, {
    redirect: "error", cache: "no-store", signal: AbortSignal.timeout(ANSWER_MS),
  });
  if (!answer.ok) throw new Error(answer.status);
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (isWanted()) tell(Number(page.querySelector("#left").textContent));
}

function tell(number) {
  const words = section(), news = words.querySelector(".news"), go = words.querySelector("a");
  if (number === Number(news.dataset.number)) return; // said once
  news.dataset.number = number;
  news.textContent = number ? (number === 1 ? says.saysOne : says.saysMany).replace("{count}", number) : "";
  words.querySelector(".quiet").hidden = Boolean(number);
  go.innerHTML = number ? "<kbd>Enter</kbd> " : "";
  go.append(number ? says.saysGoOn : says.saysLook);
  const heading = document.querySelector("#left") ?? document.querySelector("h1");
  for (const left of [heading, document.querySelector(".queues [aria-current] .quiet")]) {
    if (left) left.textContent = left.textContent.replace(/^\d+/, number);
  }
}

// Whether there is anything to go on to; then it does.
export function goOnToNews() {
  const words = section();
  const isTold = Number(words?.querySelector(".news").dataset.number) > 0;
  if (isTold) words.querySelector("a").click();
  return isTold;
}

// isBusy(): whether something that was decided here may not be known to the server yet.
export function tellOfArrivals(isBusy = () => false) {
  const isWanted = () => Boolean(section()) && !isBusy();
  follow(says.events, () => ask(isWanted), {gapMs: GAP_MS, isWanted});
}
