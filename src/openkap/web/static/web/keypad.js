// Readings by two taps, tens then ones, in a fixed order; a scale has a key for each value. A keyboard does the same.
const PAIR_MS = 60_000; // systolic and diastolic entered one after the other are of one moment

export class Keypad {
  // `put(pad, value, stamp)` gives the entry; `takeBack(entry)`; `say`, `warn`: words for those who listen.
  constructor({ pads, words, put, takeBack, say, warn, stamp, clock }) {
    Object.assign(this, { pads, words, put, takeBack, say, warn, stamp, clock });
    this.vitals = pads.filter((pad) => pad.vital);
    this.scales = pads.filter((pad) => !pad.vital);
    this.entered = [];
    this.shift = {};
    this.parts = Object.fromEntries(
      ["steps", "entry", "hint", "undo", "keys-1", "keys-2"].map((id) => [id, document.getElementById(id)]),
    );
    this.parts.undo.addEventListener("click", () => this.undo());
    this.go(this.vitals[0]);
  }

  // `pad`: what is entered next; null: choose a scale.
  go(pad) {
    this.pad = pad;
    this.typed = "";
    this.tens = null;
    this.draw();
  }

  goTo(name) {
    this.go(this.pads.find((pad) => pad.name === name));
  }

  digit(figure) {
    if (!this.pad) return false;
    if (this.tens !== null) {
      this.enter(this.tens * 10 + Number(figure));
      return true;
    }
    if (this.typed.length < 3) this.typed += figure;
    this.draw();
    return true;
  }

  minus() {
    if (!this.pad || this.pad.least >= 0 || this.typed) return false;
    this.typed = "-";
    this.draw();
    return true;
  }

  back() {
    if (this.tens !== null) this.tens = null;
    else if (this.typed) this.typed = this.typed.slice(0, -1);
    else return false;
    this.draw();
    return true;
  }

  commit() {
    if (!this.pad || !/^-?\d+$/.test(this.typed)) return false;
    this.enter(Number(this.typed));
    return true;
  }

  enter(value) {
    const pad = this.pad;
    if (value < pad.least || value > pad.most) {
      this.typed = "";
      this.tens = null;
      this.draw();
      this.warn(fill(this.words.outside, { what: pad.title, value: shown(value), least: shown(pad.least), most: pad.most }));
      return;
    }
    const last = this.entered.at(-1);
    const pair = pad.name === "diastolic" && last?.pad.name === "systolic" && performance.now() - last.at < PAIR_MS;
    const stamp = pair ? last.stamp : this.stamp();
    const before = pad.last;
    pad.last = `${shown(value)}, ${this.clock(stamp.s)}`;
    const item = this.put(pad, value, stamp);
    this.entered.push({ pad, item, stamp, before, at: performance.now() });
    const place = this.vitals.indexOf(pad);
    this.go(place >= 0 ? (this.vitals[place + 1] ?? null) : null);
  }

  // What was begun is cleared; else the last value is taken back, whether the server has it or not.
  undo() {
    if (this.back()) return;
    const last = this.entered.pop();
    if (!last) return;
    this.takeBack(last.item);
    last.pad.last = last.before;
    this.go(last.pad);
    this.say(fill(this.words.taken_back, { what: last.item.said }));
  }

  draw() {
    const { pad, parts } = this;
    const focused = document.activeElement?.dataset?.k;
    parts.steps.replaceChildren(
      ...[...this.vitals, null].map((one) => this.step(one)),
    );
    parts.undo.disabled = !this.entered.length && !this.typed && this.tens === null;
    parts.entry.textContent = this.tens !== null ? `${this.tens}_` : shown(this.typed) || "_";
    if (!pad) {
      parts.entry.textContent = "";
      parts.hint.textContent = this.words.choose;
      parts["keys-1"].setAttribute("aria-label", this.words.choose);
      parts["keys-1"].className = "keys keys-choose";
      parts["keys-1"].replaceChildren(...this.scales.map((one) => key(one.short, `s-${one.name}`, () => this.go(one))));
      parts["keys-2"].replaceChildren();
    } else if (pad.single) {
      const ends = pad.low ? `. ${shown(pad.least)} ${pad.low}, ${pad.most} ${pad.high}` : "";
      parts.hint.textContent = `${pad.title}${ends}${pad.last ? ". " + fill(this.words.last, { last: pad.last }) : ""}`;
      parts["keys-1"].setAttribute("aria-label", pad.title);
      parts["keys-1"].className = "keys";
      const values = Array.from({ length: pad.most - pad.least + 1 }, (_, n) => pad.least + n);
      parts["keys-1"].replaceChildren(...values.map((v) => key(shown(v), `v-${v}`, () => this.enter(v), `${pad.title} ${shown(v)}`)));
      parts["keys-2"].replaceChildren();
    } else {
      parts.hint.textContent = `${pad.title}${pad.unit ? ", " + pad.unit : ""}: ${this.tens === null ? this.words.tens : this.words.ones}${pad.last ? " " + fill(this.words.last, { last: pad.last }) : ""}`;
      this.drawTwo(pad);
    }
    const again = focused && document.querySelector(`[data-k="${CSS.escape(focused)}"]`);
    if (again) again.focus();
    else if (focused) document.getElementById("keypad").focus();
  }

  drawTwo(pad) {
    const { parts } = this;
    const top = Math.floor(pad.most / 10);
    const first = Math.max(0, Math.min(pad.first + (this.shift[pad.name] ?? 0), Math.max(0, top - 9)));
    const last = Math.min(first + 9, top);
    const move = (by) => { this.shift[pad.name] = first + by - pad.first; this.draw(); };
    const tens = Array.from({ length: last - first + 1 }, (_, n) => first + n).map((ten) => {
      const made = key(`${ten || ""}`, `t-${ten}`, () => { this.tens = ten; this.typed = ""; this.draw(); }, `${pad.short} ${ten}_`);
      made.append(Object.assign(document.createElement("small"), { textContent: "_" }));
      made.setAttribute("aria-pressed", String(this.tens === ten));
      return made;
    });
    const lower = key(this.words.lower, "t-lower", () => move(-5));
    const higher = key(this.words.higher, "t-higher", () => move(5));
    lower.disabled = first <= Math.floor(pad.least / 10);
    higher.disabled = last >= top;
    tens.splice(5, 0, lower);
    tens.push(higher);
    parts["keys-1"].className = "keys keys-two";
    parts["keys-1"].setAttribute("aria-label", `${pad.short}, ${this.words.first_tap}`);
    parts["keys-1"].replaceChildren(...tens);
    parts["keys-2"].setAttribute("aria-label", `${pad.short}, ${this.words.second_tap}`);
    parts["keys-2"].replaceChildren(
      ...Array.from({ length: 10 }, (_, one) => {
        const value = (this.tens ?? 0) * 10 + one;
        const made = key(String(one), `o-${one}`, () => this.enter(value), this.tens === null ? String(one) : `${pad.short} ${value}`);
        made.disabled = this.tens === null || value < pad.least || value > pad.most;
        return made;
      }),
    );
  }

  step(pad) {
    const item = document.createElement("li");
    const made = Object.assign(document.createElement("button"), { type: "button", textContent: pad ? pad.short : this.words.more });
    made.dataset.k = `step-${pad ? pad.name : "more"}`;
    if (pad === this.pad || (!pad && !this.vitals.includes(this.pad))) made.setAttribute("aria-current", "step");
    made.addEventListener("click", () => this.go(pad));
    item.append(made);
    return item;
  }
}

export function fill(text, values) {
  return text.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
}

function shown(value) {
  return String(value).replace("-", "\u2212");
}

function key(text, name, act, label) {
  const made = Object.assign(document.createElement("button"), { type: "button", className: "key", textContent: text });
  made.dataset.k = name;
  if (label) made.setAttribute("aria-label", label);
  made.addEventListener("click", act);
  return made;
}
