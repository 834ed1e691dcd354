// What a correction of a note changes, shown while it is typed: lines taken out are struck, lines written in underlined.
const shown = document.querySelector("[data-note-diff]");
const text = document.querySelector(".note-form textarea[name=text]");
const source = document.querySelector("[data-note-written]");

// The longest common run of lines, as the server compares them.
function pieces(before, after) {
  const size = before.map(() => new Array(after.length + 1).fill(0));
  size.push(new Array(after.length + 1).fill(0));
  for (let a = before.length - 1; a >= 0; a--)
    for (let b = after.length - 1; b >= 0; b--)
      size[a][b] = before[a] === after[b] ? size[a + 1][b + 1] + 1 : Math.max(size[a + 1][b], size[a][b + 1]);
  const made = [];
  let a = 0, b = 0;
  while (a < before.length || b < after.length) {
    if (a < before.length && b < after.length && before[a] === after[b]) { made.push(["same", before[a]]); a++; b++; }
    else if (b >= after.length || (a < before.length && size[a + 1][b] >= size[a][b + 1])) made.push(["old", before[a++]]);
    else made.push(["new", after[b++]]);
  }
  return made;
}

function draw() {
  const lines = (said) => said.trim().split(/\r?\n/).map((line) => line.trimEnd());
  const made = pieces(lines(source.content.textContent), lines(text.value)).map(([kind, said]) => {
    const line = document.createElement("p");
    if (kind === "same") { line.textContent = said; return line; }
    const word = document.createElement("span");
    word.className = "vh";
    word.textContent = `${kind === "old" ? shown.dataset.old : shown.dataset.new} `;
    const mark = document.createElement(kind === "old" ? "del" : "ins");
    mark.textContent = said;
    line.append(word, mark);
    return line;
  });
  shown.replaceChildren(...made);
}

if (shown && text && source) text.addEventListener("input", draw);
