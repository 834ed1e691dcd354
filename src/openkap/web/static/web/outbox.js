// Entries on their way to the server: each has its key before the first attempt, they go in order, one request at a
// time, again and again until the server has said what became of each. What it refused stays until somebody has read it.
// So does what was tapped after a sleep whose length nobody learnt: its time would be a guess, and no guess is sent.
const BATCH = 20;
const PAUSES_MS = [500, 1000, 2000, 4000, 8000]; // then the last again and again

export function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16)); // randomUUID is missing where a site has no TLS
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return [8, 12, 16, 20].reduceRight((text, at) => `${text.slice(0, at)}-${text.slice(at)}`, hex);
}

export class Outbox {
  // `send(entries)` resolves with {results} or with {why}; `changed()` after every change; `done(item, result)`; `ask()`
  // asks the server what time it is.
  // `unknown`: what is said of an entry whose time cannot be known.
  constructor({ store, send, elapsed, changed, done, ask, unknown }) {
    Object.assign(this, { store, send, elapsed, changed, done, ask, unknown });
    this.items = [];
    this.count = 0;
    this.tries = 0;
    this.flying = new Set();
    this.page = newKey();
    this.saving = Promise.resolve();
  }

  get waiting() {
    return this.items.filter((item) => !item.refused);
  }

  get refused() {
    return this.items.filter((item) => item.refused);
  }

  // What was kept before this page was opened goes first.
  async open() {
    const before = await this.store.read();
    this.items = [...before, ...this.items];
    for (const item of before) if (item.unsure && !item.refused) this.lose(item); // no page counts on for another
    this.save();
    this.changed();
    this.pump();
  }

  // `stamp` of elapsed.js, `said`: words for the list of what waits.
  put(kind, fields, said, stamp = this.elapsed.stamp()) {
    this.count += 1;
    const item = { key: newKey(), kind, fields, said, ...stamp, nth: this.count, page: this.page, device_at: new Date().toISOString() };
    this.items.push(item);
    this.save().then(() => this.pump());
    this.changed();
    return item;
  }

  // An entry that has never left may be taken back; true if it was.
  drop(item) {
    if (this.flying.has(item.key) || item.tried || !this.items.includes(item)) return false;
    this.remove(item);
    return true;
  }

  remove(item) {
    this.items = this.items.filter((one) => one !== item);
    this.save();
    this.changed();
  }

  again(item) {
    if (item.refused?.lost) return;
    delete item.refused;
    this.save().then(() => this.pump());
    this.changed();
  }

  // The server has said the time after a sleep: what was tapped meanwhile gets the time that passed since.
  woke() {
    for (const item of this.waiting) {
      if (!item.unsure || item.page !== this.page || item.tried) continue;
      if (item.sleeps !== this.elapsed.sleeps) {
        this.lose(item); // it slept again before the server said a time
        continue;
      }
      item.s = this.elapsed.from(item.perf);
      item.unsure = false;
    }
    this.save();
    this.changed();
  }

  // When it was is not known and never will be.
  lose(item) {
    item.refused = { rule: "", text: this.unknown, lost: true };
    this.done(item, { state: "refused", rule: "", text: this.unknown });
  }

  save() {
    const list = this.items.map((item) => ({ ...item }));
    this.saving = this.saving.then(() => this.store.write(list)).catch(() => { this.unsaved = true; this.changed(); });
    return this.saving;
  }

  // The line is back, or the token is fresh: do not wait for the next try.
  kick() {
    this.tries = 0;
    clearTimeout(this.later);
    this.pump();
  }

  async pump() {
    if (this.busy || !this.waiting.length) return;
    this.busy = true;
    clearTimeout(this.later);
    let single = false;
    while (this.waiting.length) {
      const batch = this.timed(single ? 1 : BATCH);
      if (!batch.length) {
        this.later = setTimeout(() => this.pump(), PAUSES_MS[1]);
        this.ask(); // what time it is: after a sleep nobody here knows when these were tapped
        break;
      }
      for (const item of batch) {
        this.flying.add(item.key);
        item.tried = true;
      }
      await this.save();
      const reply = await this.send(batch.map(entry));
      for (const item of batch) this.flying.delete(item.key);
      if (reply.results) {
        this.tries = 0;
        single = false;
        for (const result of reply.results) this.settle(batch.find((item) => item.key === result.key), result);
        continue;
      }
      if (reply.why === "not taken" && batch.length > 1) {
        single = true; // one of them is at fault: it must not hold up the others
        continue;
      }
      if (reply.why === "not taken") {
        this.settle(batch[0], { state: "refused", rule: "", text: reply.text });
        continue;
      }
      if (reply.why === "lost") {
        const pause = PAUSES_MS[Math.min(this.tries, PAUSES_MS.length - 1)];
        this.tries += 1;
        this.later = setTimeout(() => this.pump(), pause);
      }
      break; // signed out or another person: kick() when that is over
    }
    this.busy = false;
    this.changed();
  }

  // The next entries whose time is known.
  timed(most) {
    const list = this.waiting.slice(0, most);
    const first = list.findIndex((item) => item.unsure);
    return first < 0 ? list : list.slice(0, first);
  }

  settle(item, result) {
    if (!item) return;
    if (result.state === "refused") item.refused = { rule: result.rule, text: result.text };
    else this.items = this.items.filter((one) => one !== item);
    this.save();
    this.changed();
    this.done(item, result);
  }
}

function entry(item) {
  const moment = item.kind === "Read" ? { taken_s: item.s } : { happened_s: item.s };
  return { key: item.key, kind: item.kind, fields: item.fields, ...moment, device_at: item.device_at };
}
