// Opens the browser's Print, at once where somebody came here to print. Without it, its menu does.
"use strict";
{
  const button = document.querySelector("#print");
  button.hidden = false;
  button.addEventListener("click", () => window.print());
  if (location.hash === "#print") {
    history.replaceState(null, "", location.pathname + location.search); // once
    window.print();
  }
}
