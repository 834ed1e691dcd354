// A session in the hand: dragged with the pointer, or picked up with the space bar and carried with the arrow keys.
// The server says where it may go, and judges every move again; without script the link of the session does the same.
const board = document.querySelector(".cal[data-board]");
const hand = document.getElementById("hand");
const said = document.getElementById("said");
let held = null; // { link, days: Map of day -> li of the panel, day, wanted: dropped before the answer came }

const say = (text) => { said.textContent = text; };
const cells = (link) => [...link.closest("tr").querySelectorAll("td[data-day]")];

async function show(link) {
  if (hand.querySelector("[data-hand]")?.dataset.hand === link.dataset.session) return true;
  const reply = await fetch(link.href, { headers: { "HX-Request": "true" }, credentials: "same-origin", cache: "no-store" });
  if (!reply.ok || reply.redirected) { location.assign(link.href); return false; }
  hand.innerHTML = await reply.text();
  for (const other of board.querySelectorAll("[aria-current]")) other.removeAttribute("aria-current");
  link.setAttribute("aria-current", "true");
  return true;
}

function aim(day) {
  held.day = day;
  const target = held.days.get(day);
  for (const cell of cells(held.link)) cell.toggleAttribute("data-over", Number(cell.dataset.day) === day);
  for (const li of held.days.values()) li.toggleAttribute("data-aim", li === target);
  if (target) say(target.dataset.say);
}

async function lift(link) {
  const mine = held = { link, days: new Map(), day: Number(link.closest("td").dataset.day) };
  link.setAttribute("data-lifted", "");
  if (!await show(link) || held !== mine) return;
  for (const li of hand.querySelectorAll(".targets > li")) held.days.set(Number(li.dataset.day), li);
  for (const cell of cells(link)) cell.dataset.can = held.days.get(Number(cell.dataset.day))?.dataset.to ? "yes" : "no";
  if (held.wanted !== undefined) drop(held.wanted); else aim(held.day);
}

function put() {
  if (!held) return;
  held.link.removeAttribute("data-lifted");
  for (const cell of cells(held.link)) { delete cell.dataset.can; cell.removeAttribute("data-over"); }
  for (const li of held.days.values()) li.removeAttribute("data-aim");
  held = null;
}

function drop(day) {
  const target = held.days.get(day);
  const origin = Number(held.link.closest("td").dataset.day);
  if (!target || day === origin) { put(); return; }
  if (!target.dataset.to) {
    put();
    target.querySelector("details").open = true;
    target.setAttribute("data-aim", "");
    target.querySelector("summary").focus();
    say(target.dataset.say);
    return;
  }
  const form = hand.querySelector("form");
  const to = document.createElement("input");
  Object.assign(to, { type: "hidden", name: "to", value: target.dataset.to });
  form.append(to);
  form.submit();
}

if (board && hand) {
  board.addEventListener("click", async (event) => {
    const link = event.target.closest("a[data-session]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    put();
    if (await show(link)) hand.querySelector("h2")?.focus();
  });
  board.addEventListener("dragstart", (event) => {
    const link = event.target.closest("a[data-session]");
    if (!link) return;
    put();
    event.dataTransfer.setData("text/plain", "");
    event.dataTransfer.effectAllowed = "move";
    lift(link);
  });
  board.addEventListener("dragover", (event) => {
    const cell = event.target.closest("td[data-day]");
    if (!held || !cell || cell.parentElement !== held.link.closest("tr")) return;
    event.preventDefault();
    if (held.days.size && Number(cell.dataset.day) !== held.day) aim(Number(cell.dataset.day));
  });
  board.addEventListener("drop", (event) => {
    const cell = event.target.closest("td[data-day]");
    if (!held || !cell) return;
    event.preventDefault();
    if (held.days.size) drop(Number(cell.dataset.day)); else held.wanted = Number(cell.dataset.day);
  });
  board.addEventListener("dragend", () => {
    if (held && held.wanted === undefined && !hand.querySelector("form input[name=to]")) put();
  });
  board.addEventListener("keydown", (event) => {
    const link = event.target.closest("a[data-session]");
    if (!link) return;
    if (event.key === " ") {
      event.preventDefault();
      if (held) drop(held.day); else lift(link);
    } else if (held && event.key === "Enter") {
      event.preventDefault();
      drop(held.day);
    } else if (held && event.key === "Escape") {
      put();
      say("");
    } else if (held && (event.key === "ArrowLeft" || event.key === "ArrowRight")) {
      event.preventDefault();
      const step = (event.key === "ArrowRight") === (getComputedStyle(board).direction === "ltr") ? 1 : -1;
      const day = held.day + step;
      if (held.days.has(day)) aim(day);
    }
  });
}
