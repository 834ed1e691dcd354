// Seconds of a session's clock, as the server said them and as they passed here since. The clock on the wall of the
// tablet is never believed: it is only held against the time that passed, which tells that the tablet slept.
const SLEPT_MS = 2000; // the wall and the passed time drift apart by so much in no second
const GOOD_MS = 1000; // a reply that took longer says the time less well than the one before

export class Elapsed {
  constructor(now_s, day_s) {
    this.unsure = true;
    this.sleeps = 0;
    this.apart = this.drift = Date.now() - performance.now();
    this.set(now_s, day_s, 0);
    // The page was made when it was asked for, and not when its script began.
    this.at = performance.getEntriesByType("navigation")[0]?.requestStart ?? this.at;
  }

  // The server's word: now, and the site's clock at that moment. `took`: ms from asking to the reply.
  set(now_s, day_s, took) {
    this.look();
    if (!this.unsure && took > GOOD_MS) return false;
    const woke = this.unsure;
    this.base = now_s;
    this.day = day_s - now_s;
    this.at = performance.now() - took / 2;
    this.drift = this.apart;
    this.unsure = false;
    return woke;
  }

  // After a sleep, or when somebody set the tablet's clock, what has passed is not known before the server says it.
  look() {
    const apart = Date.now() - performance.now();
    if (Math.abs(apart - this.apart) > SLEPT_MS) this.sleeps += 1;
    if (Math.abs(apart - this.apart) > SLEPT_MS || Math.abs(apart - this.drift) > SLEPT_MS) this.unsure = true;
    this.apart = apart;
  }

  // What a tap is stamped with.
  stamp() {
    this.look();
    const perf = performance.now();
    return { s: this.from(perf), perf, unsure: this.unsure, sleeps: this.sleeps };
  }

  from(perf) {
    return Math.max(0, this.base + Math.floor((perf - this.at) / 1000));
  }

  now() {
    return this.from(performance.now());
  }

  // A moment by the clock of the site, 24 h.
  clock(s, seconds = false) {
    const day = (((this.day + s) % 86400) + 86400) % 86400;
    const parts = [Math.floor(day / 3600), Math.floor(day / 60) % 60, ...(seconds ? [day % 60] : [])];
    return parts.map((part) => String(part).padStart(2, "0")).join(":");
  }
}

export function minutes(seconds) {
  const all = Math.abs(Math.round(seconds));
  return `${Math.floor(all / 60)}:${String(all % 60).padStart(2, "0")}`;
}
