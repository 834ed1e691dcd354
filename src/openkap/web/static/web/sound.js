// The sound of a red alert, where the site has chosen to have one (ADR 0017). It is made here; nothing is loaded.
//
//   sound = new Sound(seconds)     sound.ring(keys)     again and again: a new key at once, one that stays every few seconds
//
// A browser plays nothing before somebody has touched the page. Until then `blocked` is true, and the page says so.
const TONES = [[880, 0], [660, 0.22], [880, 0.44]]; // Hz, and when
const LENGTH_S = 0.18;
const WAKE_MS = 1000;
const BUZZ = [200, 100, 200];

export class Sound {
  constructor(everyS) {
    this.every = everyS * 1000;
    this.rung = new Map();
    for (const kind of ["pointerdown", "keydown"]) document.addEventListener(kind, () => this.wake(), { capture: true });
  }

  get blocked() {
    return this.context?.state !== "running";
  }

  // In the moment of a touch. Resolves with whether sound is possible now.
  async wake() {
    try {
      this.context ??= new AudioContext();
      if (this.blocked) await Promise.race([this.context.resume(), new Promise((over) => setTimeout(over, WAKE_MS))]);
    } catch { /* it stays blocked, and the page says so */ }
    return !this.blocked;
  }

  play() {
    if (this.blocked) return false;
    const begin = this.context.currentTime;
    for (const [pitch, after] of TONES) {
      const tone = new OscillatorNode(this.context, { type: "triangle", frequency: pitch });
      const level = new GainNode(this.context, { gain: 0 });
      level.gain.setValueAtTime(0, begin + after);
      level.gain.linearRampToValueAtTime(0.6, begin + after + 0.01);
      level.gain.setValueAtTime(0.6, begin + after + LENGTH_S - 0.03);
      level.gain.linearRampToValueAtTime(0, begin + after + LENGTH_S);
      tone.connect(level).connect(this.context.destination);
      tone.start(begin + after);
      tone.stop(begin + after + LENGTH_S);
    }
    navigator.vibrate?.(BUZZ);
    document.body.dataset.sounded = String(Number(document.body.dataset.sounded ?? 0) + 1);
    return true;
  }

  ring(keys) {
    const now = performance.now();
    for (const key of [...this.rung.keys()]) if (!keys.includes(key)) this.rung.delete(key);
    const due = keys.filter((key) => now - (this.rung.get(key) ?? -Infinity) >= this.every);
    if (due.length && this.play()) for (const key of due) this.rung.set(key, now);
  }
}
