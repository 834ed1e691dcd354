// What stays open: the stream of the rooms, the sign of life of a screen, and the word that alerts do not work.
//
//   follow(url, {state, session, floor}, {lost, age, alarm, beat})   messages to functions; the banner is kept here
//   present(url, token, {session, shows})                            this screen is alive and shows alerts, again and again
//
// The banner needs no server: it comes when nothing was heard for too long, whatever the reason (RG-16).

const clock = () => ({ steady: performance.now(), wall: Date.now() });
// A steady clock may stop while a tablet sleeps, and a wall clock may be set: the longer of the two is the safe one.
const since = (then) => Math.max(performance.now() - then.steady, Date.now() - then.wall) / 1000;

const AGAIN = 3000; // ms before a stream that was refused is asked for again
const LOOK = 500;

export function follow(url, on, { lost, age = null, alarm = null, beat = null, tick = null, unkept = null }) {
  let heard = { at: clock(), age, lost };
  let source = null;
  let over = false;

  const look = () => {
    const old = heard.age === null ? Infinity : heard.age + since(heard.at);
    // A second before the limit: so much the looking itself may be late, and the limit is what was promised.
    const dead = old >= heard.lost - 1;
    if (alarm && alarm.hidden === dead) alarm.hidden = !dead;
    if (beat) {
      const words = dead ? beat.dataset.dead : beat.dataset.say.replace("%s", Math.round(old));
      if (beat.textContent !== words) beat.textContent = words;
    }
    tick?.(heard);
  };

  const open = () => {
    if (over) return;
    source = new EventSource(url);
    for (const [name, act] of Object.entries(on)) {
      source.addEventListener(name, (event) => act(JSON.parse(event.data)));
    }
    source.addEventListener("beat", (event) => {
      const said = JSON.parse(event.data);
      heard = { at: clock(), age: said.age_s, lost: said.lost_s, now: said.now };
      if (unkept && unkept.hidden !== said.kept) unkept.hidden = said.kept;
      look();
    });
    source.addEventListener("gone", () => {
      over = true;
      source.close();
      location.reload(); // the door says what to do
    });
    source.addEventListener("error", async () => {
      if (source.readyState !== EventSource.CLOSED) return; // the browser asks again by itself
      source.close();
      if (await signedOut()) location.reload();
      else setTimeout(open, AGAIN);
    });
  };

  open();
  look();
  const timer = setInterval(look, LOOK);
  document.addEventListener("visibilitychange", look);
  return () => { over = true; clearInterval(timer); source?.close(); };
}

async function signedOut() {
  try {
    const reply = await fetch(location.href, { method: "HEAD", redirect: "manual" });
    return reply.type === "opaqueredirect" || reply.status === 403;
  } catch {
    return false; // no server: that is no sign-out
  }
}

// A name for this screen, of this tab alone.
export function device() {
  let name = sessionStorage.getItem("device");
  if (!name) {
    name = crypto.randomUUID?.() ?? [...crypto.getRandomValues(new Uint8Array(16))].map((n) => n.toString(16).padStart(2, "0")).join("");
    sessionStorage.setItem("device", name);
  }
  return name;
}

// This screen is alive, again and again, and which alerts it shows: the server skips nobody who has such a screen.
// A covered or hidden page is nobody's eyes. A chair's tablet says it more often: its silence is said within ten seconds.
//   token() of the page as it is now; session of a chair; shows() gives {session: number of its newest entry on this page};
//   said(reply) after each answer; may() is false where nothing is said. Returns a function that says it at once.
export function present(url, token, { session = "", shows = null, said = null, may = () => true } = {}) {
  let over = false;
  const say = async () => {
    if (over || !may() || document.visibilityState !== "visible" || document.body.classList.contains("locked")) return;
    const body = new URLSearchParams({ device: device(), session });
    if (shows) body.set("shows", JSON.stringify(shows()));
    try {
      const reply = await fetch(url, { method: "POST", redirect: "manual", headers: { "X-CSRFToken": token() }, body, keepalive: true });
      if (!session && (reply.type === "opaqueredirect" || reply.status === 401)) over = true; // signed out
      else if (reply.ok) said?.(await reply.json());
    } catch { /* the banner says so */ }
  };
  say();
  document.addEventListener("visibilitychange", say);
  setInterval(say, session ? 4000 : 10000);
  return say;
}
