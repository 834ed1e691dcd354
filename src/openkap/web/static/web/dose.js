// While a dose is typed, what stands beside it is of the dose before: it is set back until the answer has come, and
// stays so, with a sentence, where none comes. htmx does the asking; without it the button sends the form.
const form = document.querySelector(".dose-form");
const panel = form?.closest(".dose-panel");
if (panel) {
  const lost = panel.querySelector("[data-lost]");
  form.addEventListener("input", () => panel.setAttribute("data-old", ""));
  panel.addEventListener("htmx:afterSwap", () => {
    panel.removeAttribute("data-old");
    lost.hidden = true;
  });
  for (const fault of ["htmx:sendError", "htmx:responseError", "htmx:timeout"]) {
    panel.addEventListener(fault, () => {
      panel.setAttribute("data-old", "");
      lost.hidden = false;
    });
  }
}
