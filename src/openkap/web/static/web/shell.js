// What every page of staff does: find a person with "/", closed details open on paper, menus close with Escape.
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
  let touched = Date.now();
  const cover = (covered) => {
    lock.hidden = !covered;
    document.body.classList.toggle("locked", covered);
    if (covered) lock.querySelector("[data-unlock]").focus();
    else touched = Date.now();
  };
  const look = () => {
    if (lock.hidden && Date.now() - touched >= limit) cover(true);
  };
  for (const kind of ["keydown", "pointerdown", "wheel", "touchmove"]) {
    document.addEventListener(kind, () => { look(); if (lock.hidden) touched = Date.now(); }, { capture: true, passive: true });
  }
  setInterval(look, 5000);
  document.addEventListener("visibilitychange", look);
  lock.querySelector("[data-unlock]").addEventListener("click", async () => {
    const still = lock.querySelector("[data-still-locked]");
    try {
      const reply = await fetch(location.href, { method: "HEAD", redirect: "manual" });
      still.hidden = reply.ok;
      if (reply.ok) cover(false);
    } catch {
      still.hidden = false;
    }
  });
}

let opened = [];
window.addEventListener("beforeprint", () => {
  opened = [...document.querySelectorAll("details:not([open], .me, .menu)")];
  for (const part of opened) part.open = true;
});
window.addEventListener("afterprint", () => {
  for (const part of opened) part.open = false;
});
