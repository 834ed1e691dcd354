// What every page of staff does: find a person with "/", closed details open on paper, menus close with Escape, and whoever
// is there is said to be.
import { present } from "./live.js";

const field = document.querySelector("[data-find] [type=search]");

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, textarea, select, [contenteditable]");
  if (event.key === "/" && field && !typing && !event.ctrlKey && !event.metaKey && !event.altKey) {
    event.preventDefault();
    field.focus();
    field.select();
  }
  if (event.key === "Escape") {
    for (const menu of document.querySelectorAll(".me[open], .menu[open]")) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  }
});

// Whoever sends a form with faults starts at the list of them.
document.querySelector(".errsum")?.focus();

// A page that nobody touches is covered when its session ends, so that the next person at the device sees nothing.
const lock = document.getElementById("lock");
if (lock) {
  const limit = Number(document.body.dataset.idle) * 1000;
  const ANSWER_MS = 5000;
  let touched = Date.now();
  const cover = (covered) => {
    lock.hidden = !covered;
    document.body.classList.toggle("locked", covered);
    if (covered) lock.querySelector("[data-unlock]").focus();
    else touched = Date.now();
  };
  const look = () => {
    if (document.body.hasAttribute("data-emergency")) { // no screen is covered while one is open
      if (!lock.hidden) cover(false);
      touched = Date.now();
    }
    if (lock.hidden && Date.now() - touched >= limit) cover(true);
  };
  for (const kind of ["keydown", "pointerdown", "wheel", "touchmove"]) {
    document.addEventListener(kind, () => { look(); if (lock.hidden) touched = Date.now(); }, { capture: true, passive: true });
  }
  setInterval(look, 5000);
  document.addEventListener("visibilitychange", look);
  lock.querySelector("[data-unlock]").addEventListener("click", async () => {
    const over = lock.querySelector("[data-still-locked]");
    const silent = lock.querySelector("[data-no-answer]");
    let reply = null;
    try {
      reply = await fetch(location.href, { method: "HEAD", redirect: "manual", cache: "no-store", signal: AbortSignal.timeout(ANSWER_MS) });
    } catch { /* said below */ }
    const gone = reply === null || reply.status >= 500;
    silent.hidden = !gone;
    over.hidden = gone || reply.ok;
    // What is needed when the system is down is shown without it; a page of before may be all there is.
    if (gone ? document.querySelector("[data-stays]") : reply.ok) cover(false);
  });
}

// Whoever works at any page is there. The board and the chair say so themselves, with the alerts that they show.
const token = document.querySelector("[name=csrfmiddlewaretoken]");
if (document.body.dataset.here && token && !document.querySelector("#board, #chair-config")) present(document.body.dataset.here, () => token.value);

let opened = [];
window.addEventListener("beforeprint", () => {
  opened = [...document.querySelectorAll("details:not([open], .me, .menu)")];
  for (const part of opened) part.open = true;
});
window.addEventListener("afterprint", () => {
  for (const part of opened) part.open = false;
});
