// The chair page: what is entered here goes into the outbox; what the session is comes by the watch.
import { Elapsed } from "./elapsed.js";
import { device, present } from "./live.js";
import { Keypad, fill } from "./keypad.js";
import { Outbox } from "./outbox.js";
import { Sound } from "./sound.js";
import { inMemory, onDisk } from "./tablet-store.js";
import { Watch } from "./watch.js";

const SEND_MS = 8000;
const PAPER_MS = 300000; // the sheet on paper that this page keeps is no older
const TWICE_MS = 800; // a second tap on the same button within so long is a trembling finger

const config = JSON.parse(document.getElementById("chair-config").textContent);
const words = config.words;
const $ = (id) => document.getElementById(id);
const elapsed = new Elapsed(config.now_s, config.day_s);
let token = document.querySelector("[name=csrfmiddlewaretoken]").value;
let waitsSince = "";
let here = null; // says that this tablet is alive, and as of which entry it shows the session

function say(text) { $("said").textContent = text; }
function warn(text) { $("warned").textContent = text; }

// ---------------------------------------------------------------- to the server

async function post(url, body) {
  return fetch(url, {
    method: "POST", redirect: "manual", cache: "no-store", signal: AbortSignal.timeout(SEND_MS), body: JSON.stringify(body),
    headers: { "Content-Type": "application/json", "X-CSRFToken": token },
  });
}

async function send(events) {
  const began = performance.now();
  let reply;
  try {
    reply = await post(config.urls.events, { by: config.by, events });
  } catch {
    return { why: "lost" };
  }
  if (reply.type === "opaqueredirect" || reply.status === 401) {
    watch.shut("signed out");
    return { why: "signed out" };
  }
  if (reply.status === 403) {
    await watch.poll(); // the token was of an earlier sign-in: a fresh one comes with the state
    return { why: "lost" };
  }
  if (reply.status === 409) {
    watch.shut("other person");
    return { why: "other person" };
  }
  if (reply.status === 503) { // what was tapped waits, and is sent again until the server keeps it
    unkept(true);
    if (events.some((one) => one.kind === "Emergency")) waitsToCall();
  }
  if (reply.status >= 500 || reply.status === 408 || reply.status === 429) return { why: "lost" };
  try {
    const said = await reply.json();
    if (!reply.ok) return { why: "not taken", text: said.text ?? words.not_taken };
    watch.took(said, performance.now() - began);
    return said;
  } catch {
    return reply.ok ? { why: "lost" } : { why: "not taken", text: fill(words.not_taken, { n: reply.status }) };
  }
}

// ---------------------------------------------------------------- what the page says of itself

function changed() {
  const waiting = outbox.waiting;
  waitsSince = waiting.length ? elapsed.clock(waiting[0].s, true) : "";
  const saved = $("saved");
  if (saved && waiting.length) {
    saved.dataset.s = "miss";
    saved.textContent = fill(words.waiting, { n: waiting.length });
  }
  if (outbox.unsaved) warn(words.not_kept);
  const list = $("refused");
  const known = new Set([...list.children].map((one) => one.dataset.key));
  for (const item of outbox.refused) if (!known.has(item.key)) list.append(refusal(item));
  for (const row of [...list.children]) if (!outbox.refused.some((item) => item.key === row.dataset.key)) row.remove();
  banner();
}

function refusal(item) {
  const row = document.createElement("li");
  row.dataset.key = item.key;
  const text = document.createElement("p");
  text.append(Object.assign(document.createElement("b"), { textContent: fill(words.refused, { what: item.said, at: elapsed.clock(item.s) }) }), ` ${item.refused.text}`);
  row.append(text);
  const { text: note, reason, summary, given_mg } = item.fields;
  for (const typed of [note, given_mg && `${given_mg} mg`, reason, summary]) {
    if (typed) row.append(Object.assign(document.createElement("p"), { className: "typed", textContent: typed }));
  }
  if (!item.refused.lost) row.append(button(words.again, () => outbox.again(item)));
  row.append(button(words.dismiss, () => outbox.remove(item)));
  return row;
}

function button(text, act) {
  const made = Object.assign(document.createElement("button"), { type: "button", className: "btn", textContent: text });
  made.addEventListener("click", act);
  return made;
}

function banner() {
  const place = $("lost");
  const bad = !watch.closed && (watch.gone || watch.beatLost); // signed out: its own banner says what to do
  const waiting = outbox.waiting;
  if (bad) {
    place.querySelector("[data-lost-title]").textContent = watch.gone
      ? fill(words.lost, { at: elapsed.clock(elapsed.now() - Math.round(watch.silence / 1000), true) })
      : words.no_beat;
    const kept = outbox.store.durable ? words.kept_disk : words.kept_memory;
    const what = waiting.length ? fill(words.waits, { n: waiting.length, at: waitsSince, what: waiting.map((i) => i.said).join(", ") }) : "";
    write(place.querySelector("[data-lost-more]"), [words.alerts_off, what, watch.gone ? kept : ""].filter(Boolean).join(" "));
  }
  place.hidden = !bad;
  $("apart").hidden = watch.apart === null || bad;
  if (watch.apart !== null) write($("apart").querySelector("p"), fill(words.apart, { at: elapsed.clock(watch.apart, true) }));
  const contact = $("contact");
  const old = bad || watch.closed;
  contact.dataset.s = old ? "stop" : "ok";
  write(contact.querySelector("span"), old ? words.no_contact : fill(words.contact, { at: elapsed.clock(elapsed.now() - Math.round(watch.silence / 1000), true) }));
}

function write(place, text) {
  if (place.textContent !== text) place.textContent = text;
}

// Signed out, or somebody else signed in: nothing is sent under another name, and nothing is lost.
function out({ why }) {
  const place = $("signed-out");
  const other = why === "other person";
  place.querySelector("[data-out-title]").textContent = other ? fill(words.other_person, { name: config.name }) : words.signed_out;
  const waits = outbox.waiting.length ? fill(words.out_waits, { n: outbox.waiting.length }) : "";
  write(place.querySelector("[data-out-more]"), [words.nothing_new, waits].filter(Boolean).join(" "));
  place.hidden = false;
}

function heard({ reply, woke }) {
  if (reply.csrf) {
    token = reply.csrf;
    for (const field of document.querySelectorAll("[name=csrfmiddlewaretoken]")) field.value = token;
  }
  if (woke) outbox.woke();
  if (!$("signed-out").hidden) {
    $("signed-out").hidden = true;
    outbox.kick();
  }
  if ("skew_s" in reply) { // only a reply to entries knows
    const late = reply.skew_s;
    $("skewed").hidden = late === null;
    if (late !== null) $("skewed").querySelector("p").textContent = fill(words.skewed, { n: Math.abs(late) });
  }
  unkept(!reply.kept);
  document.body.toggleAttribute("data-emergency", reply.emergency); // no screen is covered in one
  const call = document.querySelector("form[data-emergency]");
  if (call) call.hidden = !reply.may_call;
  count();
  announce();
  banner();
  if (watch.shownAt !== saidAt && document.querySelector("#part-alerts .alert, #part-ready [role=status]")) here?.();
  saidAt = watch.shownAt;
}

// The server answers and can write nothing: it says so on every page.
function unkept(so) {
  const place = $("unkept");
  if (place && place.hidden === so) place.hidden = !so;
}

let saidAt = 0;
const announced = new Set();
function announce() {
  for (const alert of document.querySelectorAll("#part-alerts .alert h2")) {
    const text = alert.textContent;
    if (announced.has(alert.id + text)) continue;
    announced.add(alert.id + text);
    warn(text);
  }
}

function done(item, result) {
  const saved = $("saved");
  if (result.state === "refused") {
    warn(`${item.said}. ${result.text}`);
    if (item.kind === "Emergency") notCalled(result.text);
    if (saved) Object.assign(saved.dataset, { s: "stop" });
    if (saved) saved.textContent = result.text;
    return;
  }
  if (item.kind === "Emergency") notCalled("");
  const at = elapsed.clock(elapsed.now(), true);
  if (saved && !outbox.waiting.length) {
    saved.dataset.s = result.text ? "hold" : "ok";
    saved.textContent = result.text || fill(words.saved, { at });
  }
  const line = `${item.said}, ${fill(words.saved, { at })}. ${result.text}`;
  if (result.text) warn(line);
  else say(line);
}

// ---------------------------------------------------------------- start

const outbox = new Outbox({ store: inMemory(), send, elapsed, changed, done, ask: () => watch.poll(), unknown: words.unknown_time });
const watch = new Watch({ config, elapsed, heard, out, lost: banner, found: () => { banner(); outbox.kick(); } });
setInterval(banner, 1000);
announce();

async function keep() {
  if (config.key && crypto.subtle && "indexedDB" in window) {
    try {
      outbox.store = await onDisk(`${config.session} ${config.by}`, config.key);
    } catch {
      warn(words.not_kept);
    }
  } else if (config.key) warn(words.not_kept);
  await outbox.open();
  if (outbox.store.unreadable || outbox.store.others) warn(outbox.store.unreadable ? words.unreadable : words.others);
}
keep();

// Somebody leaves the page while entries wait in memory alone: the browser asks.
window.addEventListener("beforeunload", (event) => {
  if (outbox.waiting.length && !outbox.store.durable) event.preventDefault();
});

// ---------------------------------------------------------------- sound, where the site has one

const sound = config.sound_s ? new Sound(config.sound_s) : null;
if (sound) {
  const look = () => {
    const loud = [...document.querySelectorAll("[data-sounds]")].filter((one) => elapsed.now() >= Number(one.dataset.quiet));
    sound.ring(loud.map((one) => one.dataset.sounds));
    if ($("muted").hidden !== !sound.blocked) $("muted").hidden = !sound.blocked;
    for (const one of document.querySelectorAll("[data-needs-sound]")) one.hidden = sound.blocked;
    const says = document.querySelector("[data-sound-says]");
    if (says) write(says, sound.blocked ? words.blocked : navigator.vibrate ? words.vibrates : words.no_vibration);
  };
  setInterval(look, 500);
  look();
}

// ---------------------------------------------------------------- keypad and marks

let keypad = null;
if ($("keypad")) {
  keypad = new Keypad({
    pads: config.pads, words, say, warn,
    stamp: () => elapsed.stamp(),
    clock: (s) => elapsed.clock(s),
    put: (pad, value, stamp) =>
      outbox.put("Read", { measure: pad.name, value: String(value), unit: pad.code }, `${pad.short} ${value}${pad.unit ? " " + pad.unit : ""}`.replace(" -", " \u2212"), stamp),
    takeBack: (item) => {
      if (!outbox.drop(item)) outbox.put("Correct", { reading: item.key, reason: words.undo_reason }, fill(words.undone, { what: item.said }));
    },
  });
  for (const one of document.querySelectorAll("[data-pad]")) {
    one.addEventListener("click", () => { keypad.goTo(one.dataset.pad); $("keypad").focus(); $("keypad").scrollIntoView({ block: "nearest" }); });
  }
}

document.addEventListener("keydown", (event) => {
  if (!keypad || event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select")) return;
  if (!$("chair-main") || $("chair-main").hidden) return;
  const within = event.target.closest("#keypad, #marks");
  if (/^[0-9]$/.test(event.key)) { if (keypad.digit(event.key)) event.preventDefault(); }
  else if (event.key === "-") { if (keypad.minus()) event.preventDefault(); }
  else if (event.key === "Backspace") { if (keypad.back()) event.preventDefault(); }
  else if (event.key === "Enter") { if (keypad.commit()) event.preventDefault(); }
  else if (within && /^[a-z]$/i.test(event.key)) {
    const mark = document.querySelector(`[data-letter="${event.key.toLowerCase()}"]`);
    if (mark) { event.preventDefault(); mark.focus(); mark.click(); }
  }
});

// ---------------------------------------------------------------- buttons and small forms

const tapped = new Map(); // by what is entered: the button itself may have been exchanged meanwhile
function act(source, fields, label) {
  const what = `${source.dataset.event} ${JSON.stringify(fields)}`;
  if (performance.now() - (tapped.get(what) ?? -Infinity) < TWICE_MS) return;
  tapped.set(what, performance.now());
  outbox.put(source.dataset.event, fields, label);
  say(fill(words.tapped, { what: label }));
}

document.addEventListener("click", (event) => {
  const source = event.target.closest("button[data-event]");
  if (source) {
    const fields = source.dataset.text ? { text: source.dataset.text } : JSON.parse(source.dataset.fields ?? "{}");
    const spoken = source.cloneNode(true);
    for (const part of spoken.querySelectorAll("kbd")) part.remove();
    if (source.dataset.event === "TryScreen") {
      fields.device = device();
      sound?.wake().then(() => sound.play()); // in the moment of the touch
    }
    act(source, fields, spoken.textContent.trim());
  }
  if (event.target.closest("[data-print]")) window.print();
  if (event.target.closest("[data-back]")) sheet(false);
});

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.matches("form[data-event]")) {
    event.preventDefault();
    const fields = {};
    for (const [name, value] of new FormData(form)) fields[name] = value === "true" ? true : value;
    if ("prefix" in fields) {
      fields.text = fields.prefix ? `${fields.prefix}: ${fields.text}` : fields.text;
      delete fields.prefix;
    }
    act(form, fields, form.querySelector("button").textContent.trim());
    form.reset();
  } else if (form.matches("form[data-emergency]")) {
    event.preventDefault();
    if (calledAt === null && $("part-sheet").querySelector("[data-since-tap]")) {
      calledAt = elapsed.now();
      $("not-called").hidden = true;
      outbox.put("Emergency", {}, words.emergency); // once: a second tap shows the sheet again
      count();
    }
    sheet(true);
  }
});

// The clock of the emergency begins with the tap, and goes on when a part of the page of before it comes late.
let calledAt = null;
function count() {
  const since = document.querySelector("#part-sheet [data-since-tap]");
  if (since && calledAt !== null) since.dataset.since = String(calledAt);
  else if (!since) {
    calledAt = null; // the server has it
    if ($("not-called")) $("not-called").hidden = true;
  }
}

// Refused: the clock stops, the sheet says so, and the next tap calls again.
function notCalled(why) {
  const place = $("not-called");
  if (!place) return;
  place.hidden = !why;
  if (!why) return;
  place.textContent = fill(words.not_called, { why });
  calledAt = null;
  const since = document.querySelector("#part-sheet [data-since-tap]");
  if (!since) return;
  delete since.dataset.since;
  since.querySelector("[data-left]").textContent = "";
}

// Not refused, and not heard by anybody: the call is sent again and again, and whoever stands here is told.
function waitsToCall() {
  const place = $("not-called");
  if (!place) return;
  place.hidden = false;
  place.textContent = fill(words.not_called, { why: words.waits_to_call });
}

function sheet(open) {
  $("sheet").hidden = !open;
  $("chair-main").hidden = open;
  (open ? $("sheet") : document.body).focus();
  window.scrollTo(0, 0);
}

// ---------------------------------------------------------------- the sheet on paper, without a line too

let paper = null; // as the server made it last, and when
async function freshen() {
  try {
    const reply = await fetch(config.urls.paper, { redirect: "manual", cache: "no-store", signal: AbortSignal.timeout(SEND_MS) });
    if (!reply.ok) return;
    const found = new DOMParser().parseFromString(await reply.text(), "text/html").querySelector(".paper");
    if (found) paper = { sheet: found, at: elapsed.now() };
  } catch { /* the one of before stays */ }
}
if ($("paper-here")) {
  setInterval(freshen, PAPER_MS);
  setTimeout(freshen, 1000);
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-paper]") && watch.gone && paper) {
      event.preventDefault();
      $("paper-here").querySelector("[data-sheet]").replaceChildren(paper.sheet);
      write($("paper-here").querySelector("[data-as-of]"), fill(words.paper_at, { at: elapsed.clock(paper.at) }));
      show($("paper-here"));
    } else if (event.target.closest("[data-paper-back]")) show($("chair-main"));
  });
}

function show(place) {
  for (const one of [$("paper-here"), $("chair-main")]) one.hidden = one !== place;
  (place === $("paper-here") ? place : document.body).focus();
  window.scrollTo(0, 0);
}

// ---------------------------------------------------------------- the device itself

// The screen stays on; an empty battery is said; the board hears that this tablet is alive.
if ("wakeLock" in navigator) {
  const stay = () => { if (!document.hidden) navigator.wakeLock.request("screen").catch(() => {}); };
  document.addEventListener("visibilitychange", stay);
  stay();
}
if (navigator.getBattery) {
  navigator.getBattery().then((battery) => {
    const look = () => {
      const low = !battery.charging && battery.level < 0.2;
      const text = fill(words.battery, { n: Math.round(battery.level * 100) });
      if (low && $("battery").hidden) warn(text);
      if (low) write($("battery").querySelector("p"), text);
      $("battery").hidden = !low;
    };
    for (const kind of ["levelchange", "chargingchange"]) battery.addEventListener(kind, look);
    look();
  });
}
if (config.urls.here) {
  here = present(config.urls.here, () => token, {
    session: config.session,
    shows: () => ({ [config.session]: watch.shownAt }),
    may: () => !watch.closed,
  });
}
