// A page that was worked out at one moment says when it is too old to rely on: <p data-aged="seconds" hidden>.
const made = [performance.now(), Date.now()];
for (const told of document.querySelectorAll("[data-aged]")) {
  const most = Number(told.dataset.aged) * 1000;
  const look = () => {
    if (Math.max(performance.now() - made[0], Date.now() - made[1]) > most) told.hidden = false;
  };
  setInterval(look, 1000);
  document.addEventListener("visibilitychange", look);
}
