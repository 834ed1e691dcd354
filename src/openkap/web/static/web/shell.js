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
    for (const menu of document.querySelectorAll(".me[open]")) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  }
});

// Whoever sends a form with faults starts at the list of them.
document.querySelector(".errsum")?.focus();

let opened = [];
window.addEventListener("beforeprint", () => {
  opened = [...document.querySelectorAll("details:not([open], .me)")];
  for (const part of opened) part.open = true;
});
window.addEventListener("afterprint", () => {
  for (const part of opened) part.open = false;
});
