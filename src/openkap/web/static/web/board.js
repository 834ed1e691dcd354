// The board, live: tiles come as the server made them and take the place of the old ones.
import { follow, present } from "./live.js";
import { Sound } from "./sound.js";

const board = document.getElementById("board");
const tiles = document.getElementById("tiles");
const floor = document.getElementById("floor");
const time = document.getElementById("clock");
let loud = []; // what sounds for whoever is signed in here, as the server said last
let say = null; // this screen is alive, and shows these alerts

function made(html) {
  const box = document.createElement("template");
  box.innerHTML = html;
  return box.content.firstElementChild;
}

// Whoever is on a tile with the keyboard stays there when it is made anew.
function keepingFocus(change) {
  const on = document.activeElement?.closest?.(".tile")?.id;
  change();
  if (on && document.activeElement === document.body) document.getElementById(on)?.querySelector("a")?.focus({ preventScroll: true });
}

function put({ place, session, sequence, html }) {
  const old = document.getElementById(place);
  if (!html) {
    old?.remove();
    return;
  }
  const older = old && session && old.dataset.session === session && Number(old.dataset.sequence) > sequence;
  if (older) return;
  keepingFocus(() => (old ? old.replaceWith(made(html)) : tiles.append(made(html))));
  if (document.getElementById(place)?.dataset.level) say?.();
}

// Which sessions with an alert stand on this screen, as of which entry.
function shows() {
  const open = tiles.querySelectorAll("[data-level][data-session]");
  return Object.fromEntries([...open].map((tile) => [tile.dataset.session, Number(tile.dataset.sequence)]));
}

const zone = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", timeZone: board.dataset.zone });

follow(
  board.dataset.stream,
  {
    state: (said) => keepingFocus(() => {
      tiles.replaceChildren(...said.tiles.map(made));
      floor.innerHTML = said.floor;
      say?.();
    }),
    session: put,
    floor: (said) => { floor.innerHTML = said.html; },
  },
  {
    lost: Number(board.dataset.lost),
    age: board.dataset.age === undefined ? null : Number(board.dataset.age),
    alarm: document.getElementById("alarm"),
    beat: document.getElementById("beat"),
    unkept: document.getElementById("unkept"),
    tick: (heard) => {
      if (!heard.now) return;
      const words = zone.format(new Date(Date.parse(heard.now)));
      if (time.textContent !== words) time.textContent = words;
    },
  },
);

const token = document.querySelector("[name=csrfmiddlewaretoken]");
if (board.dataset.here && token) say = present(board.dataset.here, () => token.value, { shows, said: (reply) => { loud = reply.sounds; } });

const sound = board.dataset.sound ? new Sound(Number(board.dataset.sound)) : null;
const muted = document.getElementById("muted");
if (sound) setInterval(() => { sound.ring(loud); muted.hidden = !sound.blocked; }, 500);
