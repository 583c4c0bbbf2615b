// Makes the pages live. All of them work without it: whatever changes is rendered by the server, and loaded again here.
"use strict";

const format = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

// Times in the reader's own time zone.
function ownTimes(root) {
  for (const time of root.querySelectorAll("time[datetime]")) {
    const moment = new Date(time.dateTime);
    if (Number.isNaN(moment.getTime())) continue;
    time.title = time.textContent;
    time.textContent = format.format(moment);
  }
}

// The parts marked as live take the place of those that are shown, unless somebody is at work in one.
function take(fresh) {
  ownTimes(fresh);
  for (const part of document.querySelectorAll("[data-live]")) {
    const other = fresh.getElementById(part.id);
    const focused = part.contains(document.activeElement) && document.activeElement !== document.body;
    if (!other || focused || part.innerHTML === other.innerHTML) continue;
    part.replaceChildren(...other.childNodes);
  }
}

let waiting = false;
async function refresh() {
  if (waiting) return;
  waiting = true;
  await new Promise((resolve) => setTimeout(resolve, 300));
  waiting = false;
  try {
    const answer = await fetch(location.href, { headers: { accept: "text/html" } });
    if (answer.redirected) location.assign(answer.url);
    else if (answer.ok) take(new DOMParser().parseFromString(await answer.text(), "text/html"));
  } catch {
    // The gate is away for the moment; the stream comes back when it does.
  }
}

ownTimes(document);
for (const select of document.querySelectorAll("select[data-zone]")) {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if ([...select.options].some((option) => option.value === zone)) select.value = zone;
}
if (document.querySelector("[data-live]")) {
  const events = new EventSource("/api/v1/events");
  for (const name of ["state", "report", "left", "receipt", "away"]) events.addEventListener(name, refresh);
  setInterval(refresh, 30000);
}
