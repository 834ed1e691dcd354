// The button that prints, and sheets that stay fresh while their page is open: when the server is gone they are still
// there, and say so.
const FRESH_MS = 5 * 60_000;
const print = document.querySelector("[data-print]");
print.addEventListener("click", () => window.print());

setInterval(async () => {
  const said = document.querySelector("[data-fresh]");
  try {
    const reply = await fetch(location.href, { redirect: "manual", cache: "no-store", signal: AbortSignal.timeout(10_000) });
    if (!reply.ok) throw new Error("no sheets");
    const page = new DOMParser().parseFromString(await reply.text(), "text/html");
    for (const old of document.querySelectorAll(".paper")) old.remove();
    document.getElementById("main").append(...page.querySelectorAll(".paper"));
    said.textContent = "";
  } catch {
    said.textContent = print.dataset.sayOld;
  }
}, FRESH_MS);
