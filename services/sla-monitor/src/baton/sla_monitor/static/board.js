"use strict";
// The board is whole without this. With it the page counts down by itself, asks for news while somebody looks, says
// when it cannot hear any, and can be worked by keyboard.

const EVERY = 5000; // ms between two questions
const SLOWEST = 30000; // ms between two tries while there is no connection
const QUIET = 30000; // ms between two announcements to a screen reader
const SOON = 300000; // ms: under five minutes seconds are told

const live = document.getElementById("live");
const at = (id) => document.getElementById(id);
let tag = live.dataset.tag;
let offset = 0; // the server's clock minus ours
let lostAt = null;
let tries = 0;
let paused = false;
let next = null;
let asking = null;

// -- time ---------------------------------------------------------------------------------------------------------

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const day = new Intl.DateTimeFormat(undefined, { weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
const now = () => Date.now() + offset;

function span(ms) {
  const seconds = Math.floor(Math.abs(ms) / 1000), minutes = Math.floor(seconds / 60), hours = Math.floor(minutes / 60);
  if (hours >= 48) return `${Math.floor(hours / 24)} d ${hours % 24} h`;
  if (hours >= 1) return `${hours} h ${minutes % 60} min`;
  if (Math.abs(ms) < SOON) return `${minutes}:${String(seconds % 60).padStart(2, "0")} min`;
  return `${minutes} min`;
}

function working(cell, from) {
  if (!cell.dataset.windows) return null;
  let left = Number(cell.dataset.later) * 1000;
  for (const open of cell.dataset.windows.trim().split(" ").filter(Boolean)) {
    const [start, end] = open.split("-").map(Number);
    left += Math.max(0, end - Math.max(start, from));
  }
  return left;
}

function tick() {
  const moment = now();
  for (const cell of live.querySelectorAll("[data-count]")) {
    if ("done" in cell.dataset) continue;
    const left = Number(cell.dataset.count) - moment;
    const work = left > 0 ? working(cell, moment) : null;
    const told = left > 0 ? span(left) : `${span(left)} overdue`;
    let more = "";
    if (work !== null && left - work > 60000) more = work < 60000 ? "none of it working time" : `${hours(work)} of working time`;
    if (cell.dataset.told !== told + more) {
      cell.dataset.told = told + more;
      cell.replaceChildren(told);
      if (more) {
        const small = document.createElement("span");
        small.className = "soft";
        small.textContent = more;
        cell.append(small);
      }
    }
    cell.classList.toggle("late", left <= 0);
    cell.classList.toggle("soon", left > 0 && (work ?? left) < 900000);
  }
}

function hours(ms) {
  const minutes = Math.floor(ms / 60000);
  return minutes >= 60 ? `${Math.floor(minutes / 60)} h ${minutes % 60} min` : `${minutes} min`;
}

function showDue() {
  const today = new Date(now()).toDateString();
  for (const time of live.querySelectorAll("[data-due] time")) {
    const due = new Date(time.dateTime);
    if (!time.title) time.title = time.textContent;
    time.removeAttribute("data-instant");
    time.textContent = due.toDateString() === today ? clock.format(due) : day.format(due);
  }
}

// -- what is heard ------------------------------------------------------------------------------------------------

function show(html) {
  const focused = live.contains(document.activeElement) ? document.activeElement : null;
  const links = focused ? [...live.querySelectorAll("a")] : [];
  const place = links.indexOf(focused);
  live.innerHTML = html;
  arrived();
  if (focused) (at(focused.id) || live.querySelectorAll("a")[place] || at("open")).focus({ preventScroll: true });
}

function arrived() {
  offset = Number(at("at").dataset.now) - Date.now();
  showDue();
  tick();
  const { overdue, atRisk } = at("at").dataset;
  document.title = `${overdue === "0" ? "" : `(${overdue}) `}SLA board · Baton`;
  announce(`${overdue} overdue, ${atRisk} at risk`);
}

let announced = null;
let saidAt = 0;
let pending = null;
function announce(words) {
  if (announced === null) announced = words; // what the page opened with is read anyway
  clearTimeout(pending);
  if (words === announced) return;
  pending = setTimeout(() => {
    announced = words;
    saidAt = Date.now();
    at("said").textContent = words;
  }, Math.max(0, saidAt + QUIET - Date.now()));
}

async function ask(evenIfPaused = false) {
  clearTimeout(next);
  if (asking || document.hidden || (paused && evenIfPaused !== true)) return;
  asking = new AbortController();
  const limit = setTimeout(() => asking.abort(), 10000);
  try {
    const answer = await fetch("/sla-monitor/board" + location.search, {
      headers: { "If-None-Match": tag }, cache: "no-store", credentials: "same-origin", signal: asking.signal,
    });
    if (answer.status === 401) return loggedOut();
    if (answer.status !== 200 && answer.status !== 304) throw new Error(String(answer.status));
    if (answer.status === 200) {
      const html = await answer.text();
      tag = answer.headers.get("etag");
      show(html);
    }
    heard();
  } catch {
    lost();
  } finally {
    clearTimeout(limit);
    asking = null;
  }
  plan();
}

function plan() {
  clearTimeout(next);
  if (paused || document.hidden) return;
  const wait = tries ? Math.min(SLOWEST, 1000 * 2 ** tries) * (0.75 + Math.random() / 2) : EVERY;
  next = setTimeout(ask, wait);
}

function heard() {
  if (lostAt !== null) at("said").textContent = "Connected again.";
  lostAt = null;
  tries = 0;
  at("offline").hidden = true;
  state(paused ? "Paused" : "Live", paused ? "warn" : "good");
}

function lost() {
  tries += 1;
  if (lostAt === null) {
    lostAt = Date.now();
    at("offline").textContent = `No connection since ${clock.format(lostAt)}. The times go on by what was known then; what has been done since is not shown. Trying again by itself.`;
    at("said").textContent = "Connection lost.";
  }
  at("offline").hidden = false;
  state("No connection", "bad");
}

function loggedOut() {
  const link = document.createElement("a");
  link.href = "/sla-monitor/login?next=" + encodeURIComponent(location.pathname + location.search);
  link.textContent = "Log in again";
  at("offline").replaceChildren("You are logged out; nothing new is shown. ", link);
  at("offline").hidden = false;
  state("Logged out", "bad");
}

function state(words, tone) {
  if (at("link-state").textContent !== words) at("link-state").textContent = words;
  at("link-state").className = `tag ${tone}`;
}

function pause(on) {
  paused = on;
  at("pause").setAttribute("aria-pressed", String(on));
  at("pause").textContent = on ? "Go on" : "Pause";
  if (on) {
    clearTimeout(next);
    state("Paused", "warn");
  } else ask();
}

// -- by keyboard --------------------------------------------------------------------------------------------------

function step(by) {
  const links = [...live.querySelectorAll("a.to-lead")];
  if (!links.length) return;
  const here = links.indexOf(document.activeElement);
  const to = links[here < 0 ? (by > 0 ? 0 : links.length - 1) : Math.min(links.length - 1, Math.max(0, here + by))];
  to.focus();
  to.scrollIntoView({ block: "nearest" });
}

function jump(id) {
  const heading = at(id);
  heading.focus();
  heading.scrollIntoView({ block: "start" });
}

const KEYS = {
  j: () => step(1), k: () => step(-1), p: () => pause(!paused), r: () => ask(true), "?": () => at("shortcuts").showModal(),
  1: () => jump("breached"), 2: () => jump("at_risk"), 3: () => jump("open"),
};

document.addEventListener("keydown", (event) => {
  const typing = event.target.closest("input, select, textarea, dialog");
  if (typing || event.ctrlKey || event.metaKey || event.altKey || !at("keys-on").checked) return;
  const deed = KEYS[event.key];
  if (deed) {
    event.preventDefault();
    deed();
  }
});
at("keys-on").checked = localStorage.getItem("board-keys") !== "off";
at("keys-on").addEventListener("change", () => localStorage.setItem("board-keys", at("keys-on").checked ? "on" : "off"));
at("keys").addEventListener("click", () => at("shortcuts").showModal());
at("pause").addEventListener("click", () => pause(!paused));

// -- from the start -----------------------------------------------------------------------------------------------

document.querySelector(".board-tools").hidden = false;
at("zone").textContent = `Times are those of ${Intl.DateTimeFormat().resolvedOptions().timeZone}.`;
state("Live", "good");
arrived();
plan();
setInterval(tick, 1000);
document.addEventListener("visibilitychange", () => (document.hidden ? clearTimeout(next) : ask()));
window.addEventListener("online", ask);
window.addEventListener("offline", () => { lost(); plan(); });
