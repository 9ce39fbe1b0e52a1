// The review by keys and clicks. Each decision is sent in the background, one after the other; the next
// photo is shown at once. Whatever the server does not do comes back to its photo, with the reason.
// Without these scripts the page works by its forms. They import downward: watch, arrivals, page,
// server, queue, search, panel, deciding, keys.
import {tellOfArrivals} from "./arrivals.js";
import {decide} from "./deciding.js";
import {listenToKeys} from "./keys.js";
import {panel, says} from "./page.js";
import {begin, enlarge, show} from "./panel.js";
import {queue} from "./queue.js";
import {whenTaken} from "./search.js";
import {isSending} from "./server.js";

const isForAnotherTab = event => event.ctrlKey || event.metaKey || event.shiftKey;

panel.addEventListener("submit", event => {
  const button = event.submitter;
  if (!button || !event.target.matches("form.decide")) return;
  event.preventDefault();
  if (button.value === "agree") decide({decision: "agree"}, button.dataset.what);
  else if (button.value === "retake") decide({decision: "retake"}, says.saysRetake);
  else decide({decision: "category", category: button.value}, button.value);
});

panel.addEventListener("click", event => {
  const link = event.target.closest(".beside a");
  if (!link || isForAnotherTab(event)) return;
  event.preventDefault();
  enlarge(link);
});

queue.addEventListener("click", event => {
  const entry = event.target.closest("li");
  if (!entry || isForAnotherTab(event)) return;
  event.preventDefault();
  show(entry.dataset.photo, entry.dataset.code);
});

window.addEventListener("beforeunload", event => { if (isSending()) event.preventDefault(); });
whenTaken((category, isByKey, isNew) => {
  decide({decision: "category", category, new: isNew}, category, isByKey);
});
listenToKeys();
tellOfArrivals(isSending);
document.body.classList.add("with-script");
begin();
