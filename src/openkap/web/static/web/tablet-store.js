// Where entries wait until the server has them: in memory, or on the disk of the tablet, encrypted with a key that the
// server gives only together with the page to the clinician who is signed in.
const BASE = "openkap-tablet";
const TABLE = "kept";

export function inMemory() {
  let kept = [];
  return { durable: false, others: 0, read: async () => kept, write: async (list) => { kept = list; } };
}

// `place`: session and person, whose entries these are; `key64`: the key, base64. Each entry is a record of its own, so
// that pages of one person open side by side never write over each other; each deletes only what it has settled.
export async function onDisk(place, key64) {
  const raw = Uint8Array.from(atob(key64), (c) => c.charCodeAt(0));
  const key = await crypto.subtle.importKey("raw", raw, "AES-GCM", false, ["encrypt", "decrypt"]);
  const base = await asked(indexedDB.open(BASE, 1), (request) => {
    request.onupgradeneeded = () => request.result.createObjectStore(TABLE);
  });
  const opened = (how) => base.transaction(TABLE, how, { durability: "strict" });
  const session = place.split(" ")[0];
  const mine = (name) => name.startsWith(`${place} `);
  const names = await asked(opened("readonly").objectStore(TABLE).getAllKeys());
  const kept = { durable: true, unreadable: false, others: names.filter((k) => !mine(k) && k.startsWith(session)).length };
  const there = new Map(); // what this page knows to be kept: key of the entry, its text
  kept.read = async () => {
    const table = opened("readonly").objectStore(TABLE);
    const range = IDBKeyRange.bound(`${place} `, `${place} \uffff`);
    const list = [];
    for (const found of await asked(table.getAll(range))) {
      try {
        const plain = await crypto.subtle.decrypt({ name: "AES-GCM", iv: found.iv }, key, found.data);
        const text = new TextDecoder().decode(plain);
        const item = JSON.parse(text);
        there.set(item.key, text);
        list.push(item);
      } catch {
        kept.unreadable = true; // of another secret of the server: it stays where it is, and the page says so
      }
    }
    return list.sort((one, other) => one.s - other.s || one.nth - other.nth);
  };
  kept.write = async (list) => {
    const now = new Map(list.map((item) => [item.key, JSON.stringify(item)]));
    const gone = [...there.keys()].filter((name) => !now.has(name));
    const fresh = [];
    for (const [name, text] of now) {
      if (there.get(name) === text) continue;
      const iv = crypto.getRandomValues(new Uint8Array(12));
      fresh.push([name, { iv, data: await crypto.subtle.encrypt({ name: "AES-GCM", iv }, key, new TextEncoder().encode(text)) }]);
    }
    if (!gone.length && !fresh.length) return;
    const change = opened("readwrite");
    const table = change.objectStore(TABLE);
    for (const name of gone) table.delete(`${place} ${name}`);
    for (const [name, record] of fresh) table.put(record, `${place} ${name}`);
    await new Promise((resolve, reject) => {
      change.oncomplete = resolve;
      change.onerror = change.onabort = () => reject(change.error);
    });
    for (const name of gone) there.delete(name);
    for (const [name] of fresh) there.set(name, now.get(name));
  };
  return kept;
}

function asked(request, prepare = () => {}) {
  return new Promise((resolve, reject) => {
    prepare(request);
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
