// Shows how far a lesson is, and the page anew when it is over. Without this script, look again.
"use strict";
{
  const EVERY_MS = 1000;
  const now = document.querySelector("#under-way");

  async function look() {
    if (document.hidden) return;
    const answer = await fetch(now.dataset.source, {redirect: "error", cache: "no-store"});
    if (answer.status === 204) return location.replace(now.dataset.after);
    if (!answer.ok) return;
    const said = new DOMParser().parseFromString(await answer.text(), "text/html");
    const words = said.querySelector("h2").textContent;
    const heading = now.querySelector("h2");
    if (heading.textContent !== words) heading.textContent = words; // read aloud once
    now.querySelector("progress").value = said.querySelector("progress").value;
  }

  if (now) setInterval(() => look().catch(() => {}), EVERY_MS); // no answer: the next time
}
