// One key a level, u = not sure, n = note, s = skip. The buttons do the same without this file.
"use strict";

const form = document.getElementById("judge");
const note = document.getElementById("note");

document.addEventListener("keydown", (event) => {
  if (!form || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
  if (event.target === note) {
    if (event.key === "Escape") note.blur();
    return;
  }
  if (event.key === "u") document.getElementById("unsure").click();
  else if (event.key === "n") note.focus();
  else if (event.key === "s") form.elements.skip.click();
  else {
    const button = form.querySelector(`button[aria-keyshortcuts="${CSS.escape(event.key)}"]`);
    if (!button) return;
    button.click();
  }
  event.preventDefault();
});

// A second press while the first is under way must not label the next case.
if (form) form.addEventListener("submit", (event) => {
  if (form.dataset.sent) event.preventDefault();
  form.dataset.sent = "yes";
});
