// Fast entry: a digit chooses the answer with that number in the question in focus, and the focus moves on.
const questions = [...document.querySelectorAll("[data-digits] [data-question]")];
for (const [place, question] of questions.entries()) {
  question.addEventListener("keydown", (event) => {
    if (!/^[0-9]$/.test(event.key) || event.ctrlKey || event.metaKey || event.altKey) return;
    if (!event.target.matches("input[type=radio]")) return;
    const choice = question.querySelectorAll("input[type=radio]:not([value='asked-declined'])")[Number(event.key)];
    if (!choice) return;
    event.preventDefault();
    choice.checked = true;
    const next = questions[place + 1]?.querySelector("input:checked, input");
    (next ?? document.querySelector("[data-digits] [name=finish]")).focus();
  });
}
questions[0]?.querySelector("input:checked, input")?.focus({ preventScroll: true });
