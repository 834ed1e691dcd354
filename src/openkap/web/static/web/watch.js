// The page stays what the session is: it hears of changes by the stream, or asks every few seconds; it counts ages and
// the time to the next check between replies; and it says at once when it hears nothing.
import { minutes } from "./elapsed.js";
import { fill } from "./keypad.js";

const POLL_MS = 3000;
const QUIET_POLL_MS = 15000; // beside a stream that speaks
const STREAM_MS = 6000; // a stream that said nothing for so long is none
const AGAIN_MS = 5000; // before a stream that was refused is asked for again
const GIVE_UP_MS = 4000; // a reply that takes longer is asked for again
const EARLY_MS = 1500; // the banner stands before the limit, not after it

export class Watch {
  // `heard({took, reply})` after every reply; `lost(ms)` while there is no contact, `found()` when it is back.
  constructor({ config, elapsed, heard, lost, found, out }) {
    Object.assign(this, { config, elapsed, heard, lost, found, out });
    this.sequence = this.shownAt = config.sequence; // the newest entry that was heard of; that which the page shows
    this.heardAt = performance.now();
    this.shown = {};
    this.gone = false;
    this.silent = false;
    this.apart = null; // since when the tablet at the chair is silent, for whoever looks from elsewhere
    this.closed = "";
    this.beatAt = config.beat_age_s === null ? -Infinity : performance.now() - config.beat_age_s * 1000;
    setInterval(() => this.tick(), 500);
    this.poll(); // a quick reply tells the time better than the page did
    window.addEventListener("online", () => this.poll());
    window.addEventListener("offline", () => { this.offline = true; this.tick(); });
    document.addEventListener("visibilitychange", () => { if (!document.hidden) this.poll(); });
    this.stream();
    this.tick();
  }

  get silence() {
    return performance.now() - this.heardAt;
  }

  // Signed out, or somebody else is: what the page shows grows old, whatever answers.
  shut(why) {
    this.closed = why;
    this.out({ why });
    this.tick();
  }

  contact() {
    if (this.closed) return;
    this.heardAt = performance.now();
    this.offline = false;
    if (this.gone) {
      this.gone = false;
      this.found();
    }
  }

  // The state of the session: parts of the page, the time, a token. Resolves with true where the server answered.
  async poll() {
    clearTimeout(this.next);
    if (this.asking) return false;
    this.asking = true;
    const began = performance.now();
    try {
      const reply = await fetch(`${this.config.urls.state}?have=${this.digest ?? ""}`, {
        redirect: "manual", cache: "no-store", signal: AbortSignal.timeout(GIVE_UP_MS),
      });
      if (reply.type === "opaqueredirect" || reply.status === 401) {
        this.shut("signed out");
        return false;
      }
      if (!reply.ok) return false;
      this.took(await reply.json(), performance.now() - began);
      return true;
    } catch {
      return false; // silence is counted, whatever its cause
    } finally {
      this.asking = false;
      clearTimeout(this.next);
      this.next = setTimeout(() => this.poll(), this.streaming ? QUIET_POLL_MS : POLL_MS);
    }
  }

  // A reply of the server, to a question or to entries.
  took(reply, ms) {
    if (reply.by !== this.config.by) {
      this.shut("other person");
      return;
    }
    this.closed = "";
    this.contact();
    const woke = this.elapsed.set(reply.now_s, reply.day_s, ms);
    this.sequence = Math.max(this.sequence, reply.sequence);
    if (reply.beat_age_s !== null) this.beatAt = performance.now() - reply.beat_age_s * 1000;
    if (reply.digest) this.digest = reply.digest;
    this.apart = reply.silent_s === null || reply.silent_s === undefined ? null : reply.now_s - reply.silent_s;
    for (const [name, html] of Object.entries(reply.parts)) this.show(name, html);
    this.shownAt = Math.max(this.shownAt, reply.sequence);
    this.heard({ reply, woke });
    this.tick();
  }

  stream() {
    if (!this.config.urls.live || !("EventSource" in window)) return;
    const source = new EventSource(this.config.urls.live);
    let beats = 0; // of this connection: a server that cannot stream ends it after the first
    const alive = () => { if (beats > 1) this.streamedAt = performance.now(); this.contact(); };
    source.addEventListener("open", () => { beats = 0; });
    source.addEventListener("gone", () => { source.close(); this.poll(); setTimeout(() => this.stream(), AGAIN_MS); });
    source.addEventListener("error", () => {
      if (source.readyState !== EventSource.CLOSED) return; // the browser asks again by itself
      source.close();
      setTimeout(() => this.stream(), AGAIN_MS);
    });
    source.addEventListener("beat", (message) => {
      beats += 1;
      alive();
      const said = JSON.parse(message.data);
      if (typeof said.age_s === "number") this.beatAt = performance.now() - said.age_s * 1000;
    });
    source.addEventListener("session", (message) => {
      alive();
      const said = JSON.parse(message.data);
      if (said.session === this.config.session && (said.sequence > this.sequence || said.silent !== this.silent)) this.poll();
      this.silent = said.silent; // the tablet at the chair, seen from another screen
    });
  }

  get streaming() {
    return performance.now() - (this.streamedAt ?? -Infinity) < STREAM_MS;
  }

  // Exchange a part of the page; what somebody types in it, and where the focus is, stays.
  show(name, html) {
    const place = document.getElementById(`part-${name}`);
    if (!place || this.shown[name] === html) return;
    this.shown[name] = html;
    const typed = [...place.querySelectorAll("[id]")].filter((e) => "value" in e && e.value !== e.defaultValue).map((e) => [e.id, e.value]);
    const ticked = [...place.querySelectorAll("[id][type=checkbox]")].map((e) => [e.id, e.checked]);
    const urgent = new Set([...place.querySelectorAll("details[data-now]")].map((e) => e.dataset.keep));
    const open = new Map([...place.querySelectorAll("details[data-keep]")].map((e) => [e.dataset.keep, e.open]));
    const focus = place.contains(document.activeElement) ? document.activeElement : null;
    const where = focus && (focus.id ? `#${CSS.escape(focus.id)}` : focus.dataset.event ? `[data-event="${focus.dataset.event}"]` : "");
    const same = focus?.dataset.fields;
    place.innerHTML = html; // made by our own server
    for (const [id, value] of typed) {
      const field = place.querySelector(`#${CSS.escape(id)}`);
      if (field) field.value = value;
    }
    for (const [id, checked] of ticked) {
      const box = place.querySelector(`#${CSS.escape(id)}`);
      if (box) box.checked = checked;
    }
    for (const part of place.querySelectorAll("details[data-keep]")) {
      if ("now" in part.dataset && !urgent.has(part.dataset.keep)) continue; // it has become urgent: it is open
      if (open.has(part.dataset.keep)) part.open = open.get(part.dataset.keep);
    }
    if (where) [...place.querySelectorAll(where)].find((e) => same === undefined || e.dataset.fields === same)?.focus();
    this.tick();
  }

  // What time alone changes.
  tick() {
    const limit = this.config.limits.lost_s * 1000 - EARLY_MS;
    const gone = this.silence >= limit || (this.offline && this.silence > 1000);
    if (gone) {
      this.gone = true;
      this.lost(this.silence);
    }
    const beat = (performance.now() - this.beatAt) / 1000;
    this.beatLost = beat >= this.config.limits.beat_lost_s - 1; // never looked at counts as lost
    document.body.toggleAttribute("data-old", this.gone || Boolean(this.closed) || this.apart !== null);
    const now = this.elapsed.now();
    const words = this.config.words;
    for (const tile of document.querySelectorAll("[data-taken]")) {
      const age = now - Number(tile.dataset.taken);
      write(tile.querySelector("[data-age]"), age < 60 ? words.just_now : fill(words.age, { n: Math.floor(age / 60) }));
      if (age > Number(tile.dataset.limit)) tile.toggleAttribute("data-overdue", true);
    }
    for (const due of document.querySelectorAll("[data-at]")) {
      const [at, from] = [Number(due.dataset.at), Number(due.dataset.from)];
      const left = at - now;
      write(due.querySelector("[data-left]"), minutes(left));
      due.toggleAttribute("data-over", left <= 0);
      if (now > Number(due.dataset.lateFrom)) {
        due.toggleAttribute("data-late", true);
        due.dataset.s = "hold";
      }
      const share = Math.max(0, Math.min(1, left / Math.max(1, at - from)));
      due.querySelector(".ring-on")?.setAttribute("stroke-dasharray", `${(share * 201.1).toFixed(1)} 201.1`);
    }
    for (const silent of document.querySelectorAll("[data-until]")) {
      const left = Number(silent.dataset.until) - now;
      silent.hidden = left <= 0;
      write(silent.querySelector("[data-left]"), minutes(left));
    }
    for (const one of document.querySelectorAll("[data-ago]")) write(one, fill(words.ago, { n: Math.floor((now - Number(one.dataset.ago)) / 60) }));
    for (const one of document.querySelectorAll("[data-since]")) write(one.querySelector("[data-left]"), minutes(now - Number(one.dataset.since)));
  }
}

function write(place, text) {
  if (place && place.textContent !== text) place.textContent = text;
}
