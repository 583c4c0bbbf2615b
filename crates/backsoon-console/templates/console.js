// Makes the pages live. All of them work without it: whatever changes is rendered by the server, and loaded again here.
"use strict";

const format = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const clock = new Intl.DateTimeFormat(undefined, { timeStyle: "short" });

// Times in the reader's own time zone.
function ownTimes(root) {
  for (const time of root.querySelectorAll("time[datetime]")) {
    const moment = new Date(time.dateTime);
    if (Number.isNaN(moment.getTime())) continue;
    time.title = time.textContent;
    time.textContent = format.format(moment);
  }
}

// The parts marked as live take the place of those that are shown; what was ticked stays so, and whoever is at a button
// stays there, or near it if it has gone.
function take(fresh) {
  ownTimes(fresh);
  for (const part of document.querySelectorAll("[data-live]")) {
    const other = fresh.getElementById(part.id);
    if (!other || part.innerHTML === other.innerHTML) continue;
    const ticked = [...part.querySelectorAll("input:checked")].map((box) => box.id);
    const places = [];
    if (part.contains(document.activeElement)) {
      for (let at = document.activeElement; at !== part.parentElement; at = at.parentElement) if (at.id) places.push(at.id);
    }
    part.replaceChildren(...other.childNodes);
    for (const box of part.querySelectorAll("input[type=checkbox]")) box.checked = ticked.includes(box.id);
    if (places.length) settle(places);
  }
}

// Puts the focus on the first of these places that is there and can have it, or on the first thing in it that can.
function settle(places) {
  for (const id of places) {
    const place = document.getElementById(id);
    for (const one of place ? [place, ...place.querySelectorAll("a, button, input:not([type=hidden])")] : []) {
      one.focus({ preventScroll: true });
      if (document.activeElement === one) return;
    }
  }
}

// What is shown was so then. If nothing newer comes, that is said, since it looks as true as before.
let since = new Date();
let leaving = 0;
function outdated(why) {
  // Whoever goes to another page breaks off what is loaded for this one.
  if (Date.now() - leaving < 5000) return;
  let said = document.getElementById("stale");
  if (!said) {
    said = document.createElement("p");
    said.id = "stale";
    said.className = "why";
    said.setAttribute("role", "alert");
    document.getElementById("main").prepend(said);
  }
  const text = `Not updated since ${clock.format(since)}: ${why}.`;
  if (said.textContent !== text) said.textContent = text;
}

function current() {
  since = new Date();
  document.getElementById("stale")?.remove();
}

// One after the other, so that nothing older takes the place of something newer.
let isWanted = false;
let isBusy = false;
async function refresh() {
  isWanted = true;
  if (isBusy) return;
  isBusy = true;
  while (isWanted) {
    await new Promise((resolve) => setTimeout(resolve, 300));
    isWanted = false;
    await load();
  }
  isBusy = false;
}

async function load() {
  try {
    const asked = { headers: { accept: "text/html", "backsoon-live": "1" }, signal: AbortSignal.timeout(10000) };
    const answer = await fetch(location.href, asked);
    const text = await answer.text();
    if (answer.redirected) location.assign(answer.url);
    else if (answer.ok) {
      take(new DOMParser().parseFromString(text, "text/html"));
      current();
    } else outdated(`this console answers with an error (${answer.status})`);
  } catch {
    outdated("this console does not answer");
  }
}

// A stream that a browser has given up is begun anew.
let events;
function listen() {
  if (events && events.readyState !== EventSource.CLOSED) return;
  events = new EventSource("/api/v1/events");
  for (const name of ["state", "report", "left", "receipt", "away", "error"]) events.addEventListener(name, refresh);
}

ownTimes(document);
for (const select of document.querySelectorAll("select[data-zone]")) {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if ([...select.options].some((option) => option.value === zone)) select.value = zone;
}
if (document.querySelector("[data-live]")) {
  addEventListener("beforeunload", () => (leaving = Date.now()));
  listen();
  setInterval(() => {
    listen();
    refresh();
  }, 10000);
}
