// A form on a phone: one question after the other without loading a page, and answers that wait here while there
// is no signal. "Saved" is said only of what the server has. Without this script every page works by plain posts.
const root = document.querySelector("[data-form]");
const store = `openkap-form-${root?.dataset.form}`;

function read() {
  try {
    return JSON.parse(localStorage.getItem(store)) ?? [];
  } catch {
    return []; // storage is off: answers wait in this page only
  }
}

let queue = root ? read() : [];
let keeps = true;
function keep() {
  try {
    if (queue.length) localStorage.setItem(store, JSON.stringify(queue));
    else localStorage.removeItem(store);
    keeps = true;
  } catch {
    keeps = false;
  }
}

function newKey() {
  if (crypto.randomUUID) return crypto.randomUUID();
  const b = crypto.getRandomValues(new Uint8Array(16)); // without TLS there is no randomUUID
  b[6] = (b[6] & 0x0f) | 0x40;
  b[8] = (b[8] & 0x3f) | 0x80;
  const hex = [...b].map((n) => n.toString(16).padStart(2, "0")).join("");
  return hex.replace(/(.{8})(.{4})(.{4})(.{4})(.{12})/, "$1-$2-$3-$4-$5");
}

if (root && "clear" in root.dataset) {
  queue = [];
  keep();
} else if (root?.dataset.url) {
  ask();
} else if (root?.dataset.finish && queue.length) {
  location.replace(root.dataset.finish); // answers still wait: they go first
}

function ask() {
  const say = (name, n = 0, of = 0) => root.dataset[name].replace("{n}", n).replace("{of}", of);
  const form = root.querySelector("[data-ask]");
  const body = form.querySelector("[data-body]");
  const help = root.querySelector("[data-help]");
  const status = document.querySelector("[data-status]");
  const back = document.querySelector("[data-back]");
  const questions = [...document.querySelectorAll("template[data-q]")];
  const by = new Map(questions.map((t) => [t.dataset.q, t]));
  const said = new Map(questions.filter((t) => t.dataset.said).map((t) => [t.dataset.q, t.dataset.said.split(" ")]));
  const numbers = new Map(questions.map((t) => [t.dataset.q, Number(t.dataset.nextNumber)]));
  let here = body.querySelector("[data-link]").dataset.link;
  let last = Math.max(0, ...queue.map((a) => a.sequence));
  let arrived = said.size;
  let sending = null;
  let stopped = false;
  let offline = false;

  const asked = () =>
    questions.filter((t) => !t.dataset.after || said.get(t.dataset.after)?.some((c) => t.dataset.codes.split(" ").includes(c)));
  const isOpen = (t) => !said.has(t.dataset.q);

  function tell(text, shape) {
    status.textContent = text;
    status.dataset.s = shape;
  }

  function report() {
    if (stopped) return;
    if (queue.length && offline) tell(say("tWait", queue.length) + (keeps ? "" : ` ${say("tFull")}`), "hold");
    else if (queue.length) tell(say("tSending"), "plain");
    else if (arrived) tell(arrived === 1 ? say("tOne") : say("tSaved", arrived), "ok");
  }

  function fault(text) {
    const line = body.querySelector("[data-err]");
    line.hidden = !text;
    line.querySelector("span").textContent = text;
  }

  function show(link, push = true) {
    here = link;
    body.replaceChildren(by.get(link).content.cloneNode(true));
    const codes = said.get(link);
    for (const box of body.querySelectorAll("input[name=value]")) {
      if (box.type === "radio" || box.type === "checkbox") box.checked = codes?.includes(box.value) ?? box.checked;
      else if (by.get(link).typed) box.value = by.get(link).typed;
    }
    const list = body.querySelector("[data-entries]");
    for (const [number, words] of by.get(link).added ?? []) list.append(entryLine(number, words));
    const shown = asked();
    const place = shown.indexOf(by.get(link));
    document.querySelector("[data-place]").textContent = say("tPlace", place + 1, shown.length);
    const bar = root.querySelector("progress");
    bar.max = shown.length;
    bar.value = place + 1;
    bar.setAttribute("aria-label", say("tPlace", place + 1, shown.length));
    back.hidden = place === 0;
    if (place > 0) back.href = `${root.dataset.here}?q=${shown[place - 1].dataset.q}`;
    if (push) history.pushState({ link }, "", `${root.dataset.here}?q=${link}`);
    help.hidden = true;
    form.hidden = false;
    body.querySelector(".q").focus();
    scrollTo(0, 0);
  }

  function entryLine(number, words) {
    const line = document.createElement("li");
    line.textContent = words;
    line.dataset.number = number;
    return line;
  }

  function onward() {
    const shown = asked();
    const from = shown.indexOf(by.get(here));
    const next = shown.slice(from + 1).find(isOpen) ?? shown.find(isOpen);
    if (next) show(next.dataset.q);
    else finish();
  }

  async function finish() {
    await drain();
    if (queue.length) report();
    else location.assign(root.dataset.send);
  }

  function put(link, fields) {
    last = Math.max(last + 1, Date.now());
    queue.push({ key: newKey(), sequence: last, link, fields });
    keep();
    drain();
  }

  // Whoever asks while answers are on their way waits for them too: a fast tap on the last *Next* goes on.
  function drain() {
    sending ??= sendAll().finally(() => {
      sending = null;
      report();
    });
    return sending;
  }

  // One after the other, in the order in which they were given; the same key again changes nothing.
  async function sendAll() {
    while (queue.length && !stopped) {
      report();
      const answer = queue[0];
      const data = new URLSearchParams(answer.fields);
      data.append("key", answer.key);
      data.append("sequence", answer.sequence);
      data.append("link_id", answer.link);
      data.append("csrfmiddlewaretoken", root.dataset.csrf);
      let reply;
      try {
        reply = await fetch(root.dataset.url, {
          method: "POST",
          body: data,
          headers: { Accept: "application/json" },
          signal: AbortSignal.timeout(15000),
        });
      } catch {
        offline = true;
        break;
      }
      if (reply.status >= 500 || reply.status === 429) {
        offline = true;
        break;
      }
      offline = false;
      const kind = reply.headers.get("Content-Type") ?? "";
      const said_ = kind.startsWith("application/json") ? await reply.json() : {};
      if (reply.ok) {
        queue.shift();
        arrived += 1;
        keep();
        if (said_.help) arrivedHelp(said_.told);
      } else if (said_.enter || !said_.sentence) {
        stopped = true; // another birth date, or a page that is too old: the answers wait here
        location.assign(root.dataset.here);
      } else if (said_.shut) {
        stopped = true;
        if (said_.shut === "done") queue = [];
        keep();
        tell(said_.sentence, "stop");
      } else {
        queue.shift(); // not an answer to this question: ask again and say why
        keep();
        if (!by.has(answer.link)) continue; // the form has changed since
        said.delete(answer.link);
        delete by.get(answer.link).sent;
        show(answer.link);
        fault(said_.sentence);
      }
    }
  }

  function arrivedHelp(told) {
    help.querySelector("[data-unsent]").hidden = true;
    help.querySelector("[data-told]").hidden = !told;
    help.querySelector("[data-not-told]").hidden = told;
    const promise = help.querySelector("[data-promise]");
    if (promise) promise.hidden = !told;
  }

  function showHelp() {
    help.querySelector("[data-unsent]").hidden = false;
    for (const name of ["told", "not-told", "promise"]) {
      const line = help.querySelector(`[data-${name}]`);
      if (line) line.hidden = true;
    }
    form.hidden = true;
    help.hidden = false;
    help.querySelector("h2").focus();
    scrollTo(0, 0);
  }

  function entered() {
    const fields = [];
    for (const box of body.querySelectorAll("[data-fields] input")) {
      if ((box.type === "radio" || box.type === "checkbox") && !box.checked) continue;
      if (box.value.trim()) fields.push([box.name, box.value.trim()]);
    }
    return fields;
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const button = event.submitter?.name;
    const template = by.get(here);
    fault("");
    if (button === "add" || (!button && template.dataset.kind === "entries")) {
      const fields = entered();
      const number = numbers.get(here);
      if (!fields.length) return fault(say("tChoose"));
      numbers.set(here, number + 1);
      template.added = [...(template.added ?? []), [number, fields.map((f) => f[1]).join("; ")]];
      put(here, [["next", number], ...fields]);
      return show(here, false);
    }
    if (button === "remove") {
      put(here, [["remove", event.submitter.value]]);
      event.submitter.closest("li").remove();
      for (const b of template.content.querySelectorAll(`[data-remove="${event.submitter.value}"]`)) b.closest("li").remove();
      return;
    }
    if (["decline", "never", "close"].includes(button)) {
      said.set(here, [{ decline: "asked-declined", never: "not-applicable", close: "closed" }[button]]);
      put(here, [[button, "1"]]);
      return onward();
    }
    let values = [...body.querySelectorAll("input[name=value]")]
      .filter((box) => !["radio", "checkbox"].includes(box.type) || box.checked)
      .map((box) => box.value.trim())
      .filter(Boolean);
    if (button === "value") values = [event.submitter.value];
    if (!values.length) return fault(say("tChoose"));
    template.typed = values[0];
    const same = template.sent === values.join(" ");
    said.set(here, values);
    if (!same) {
      template.sent = values.join(" ");
      put(here, values.map((v) => ["value", v]));
    }
    if (values.some((v) => template.dataset.alarm.split(" ").includes(v))) return showHelp();
    onward();
  });

  // A choice is kept as soon as it is tapped; Next only moves on. Arrow keys pass over choices that are not meant.
  let keys = false;
  form.addEventListener("keydown", () => (keys = true));
  form.addEventListener("pointerdown", () => (keys = false));
  form.addEventListener("change", (event) => {
    const box = event.target;
    if (keys || box.name !== "value" || box.type !== "radio") return;
    const template = by.get(here);
    template.sent = box.value;
    said.set(here, [box.value]);
    put(here, [["value", box.value]]);
    if (template.dataset.alarm.split(" ").includes(box.value)) showHelp();
  });

  help.querySelector("[data-go-on]").addEventListener("click", () => onward());
  help.querySelector("[data-change]").addEventListener("click", () => show(here, false));
  back.addEventListener("click", (event) => {
    event.preventDefault();
    const shown = asked();
    const place = shown.indexOf(by.get(here));
    if (place > 0) show(shown[place - 1].dataset.q);
  });
  addEventListener("popstate", (event) => {
    if (event.state?.link && by.has(event.state.link)) show(event.state.link, false);
    else location.reload();
  });
  document.querySelector("[data-stop]").addEventListener("submit", async (event) => {
    if (!queue.length) return;
    event.preventDefault();
    await drain();
    if (queue.length) report();
    else event.target.submit();
  });
  addEventListener("online", () => drain());
  setInterval(() => queue.length && drain(), 5000);

  history.replaceState({ link: here }, "");
  for (const { link, fields } of queue) {
    const next = fields.find((f) => f[0] === "next")?.[1];
    if (next) numbers.set(link, Math.max(numbers.get(link), next + 1));
    else if (by.has(link) && !fields.some((f) => f[0] === "remove")) said.set(link, fields.map((f) => f[1]));
  }
  drain();
}
