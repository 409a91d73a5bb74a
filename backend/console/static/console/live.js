// What changes by itself. Without this file every page still reads right after a reload.
"use strict";

// <div data-poll="URL">: an answer that is not final yet; asked for until it is.
function follow(box, pause) {
  setTimeout(async () => {
    try {
      const response = await fetch(box.dataset.poll, { headers: { "X-Requested-With": "fetch" } });
      if (response.redirected) return location.reload(); // signed out meanwhile
      if (!response.ok) throw new Error(response.status);
      box.innerHTML = await response.text();
      if (box.querySelector('[data-final="yes"]')) {
        if (box.dataset.then === "reload") location.reload();
        return;
      }
      follow(box, Math.min(pause * 1.5, 2000));
    } catch {
      follow(box, 3000);
    }
  }, pause);
}
document.querySelectorAll("[data-poll]").forEach((box) => follow(box, 150));

// <div data-refresh="URL" data-every="SECONDS">: a part of the page that is fetched anew. Nothing is
// replaced while the page is hidden, or while a person reads in an open table or is on a link of it.
function busy(box) {
  return document.hidden || box.contains(document.activeElement) || box.querySelector("details[open]");
}
document.querySelectorAll("[data-refresh]").forEach((box) => {
  setInterval(async () => {
    if (busy(box)) return;
    try {
      const response = await fetch(box.dataset.refresh, { headers: { "X-Requested-With": "fetch" } });
      if (response.ok && !response.redirected && !busy(box)) box.innerHTML = await response.text();
    } catch {
      // The next one may get through; what is shown stays.
    }
  }, Number(box.dataset.every) * 1000);
});
