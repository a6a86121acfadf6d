// The page Flow: live counts and dots, a booking followed hop by hop, a scenario that runs, and switches that break things.

import { announce, ask, block, rest } from "./console.js";
import { make, number } from "./elements.js";
import { drawDots, movesNothing } from "./flow-dots.js";

const STATES = {
  ready: "● ready",
  not_ready: "▲ not ready",
  away: "✕ away",
};
const STILL_MS = 3000;

const byId = (id) => document.getElementById(id);

function counted(count, word) {
  return `${number(count)} ${word}${count === 1 ? "" : "s"}`;
}

function say(target, text) {
  if (target && target.textContent !== text) target.textContent = text;
}

// ------------------------------------------------------------------------------------------------------- the drawing

function inWords(seconds) {
  if (seconds === null || seconds === undefined) return "";
  return seconds < 90 ? `${seconds.toFixed(1)} s` : `${Math.round(seconds / 60)} min`;
}

function stateOf(service) {
  const faults = service.faults;
  if (service.state === "away") return STATES.away;
  if (faults?.paused) return "❚❚ stopped on purpose";
  if (faults?.slow_ms) return "◐ slowed on purpose";
  return STATES[service.state];
}

function drawServices(snapshot) {
  for (const node of document.querySelectorAll(".node")) {
    const key = node.dataset.service;
    const service = snapshot.services[key];
    if (!service) {
      say(node.querySelector(".state"), "○ none here");
      continue;
    }
    const words = stateOf(service);
    say(node.querySelector(".state"), words);
    node.dataset.state = words.startsWith("●") ? "ready" : "unwell";
    const owes = snapshot.backlogs?.[key];
    if (!owes) continue;
    const dead = owes.dead ? `, ${number(owes.dead)} put aside` : "";
    const oldest = owes.owed && owes.oldest !== null ? `, oldest ${inWords(owes.oldest)}` : "";
    const todo = `${number(owes.owed)} to do${oldest}${dead}`;
    say(node.querySelector(".owes"), todo);
    const echo = document.querySelector(`[data-echo="${key}"]`);
    say(echo.querySelector(".told-now"), `${words}, ${todo}`);
    echo.classList.toggle("unwell", node.dataset.state === "unwell");
  }
}

function drawEdges(snapshot) {
  for (const edge of document.querySelectorAll(".edge")) {
    const told = snapshot.edges[edge.dataset.edge];
    const parts = [];
    if (told.rate) parts.push(`${number(told.rate)}/s`);
    if (told.waiting) parts.push(`${number(told.waiting)} wait`);
    say(edge.querySelector(".count"), parts.join(", "));
    edge.classList.toggle("moves", told.rate > 0);
    edge.classList.toggle("waits", told.waiting > 0);
  }
}

function drawTable(rows) {
  const body = byId("stream-rows");
  if (!byId("streams").open) return;
  if (body.children.length !== rows.length) {
    body.replaceChildren(...rows.map((row) => {
      const line = document.createElement("tr");
      line.append(make("th", { scope: "row" }, row.stream), make("td", {}, row.group));
      for (let column = 0; column < 5; column += 1) line.append(make("td", { class: "number" }));
      return line;
    }));
  }
  rows.forEach((row, index) => {
    const waiting = row.waiting === null ? "unknown" : number(row.waiting);
    const told = [row.rate, waiting, number(row.in_hand), inWords(row.oldest), number(row.dead)];
    told.forEach((value, column) => say(body.children[index].children[column + 2], String(value)));
  });
}

function drawNow(snapshot) {
  if (!snapshot.redis) {
    say(byId("now"), "Redis, which keeps the streams, does not answer just now. The services wait for it.");
    return;
  }
  const dead = counted(snapshot.dead, "dead letter");
  const shown = movesNothing() ? "Lines light up as events move." : "Dots are events that move.";
  say(byId("now"), `Right now: ${counted(snapshot.rate, "event")} a second, ${dead}. ${shown}`);
}

// ------------------------------------------------------------------------------------------------------- the journey

let polling = false;
let drawnAt = 0;

async function follow() {
  const section = byId("journey");
  if (polling || !section.dataset.tcn || "ended" in section.dataset) return;
  polling = true;
  try {
    const told = await ask(`/flow/journey/${section.dataset.tcn}`);
    const isNew = told.hops > Number(section.dataset.hops) || told.ended;
    if (isNew || Date.now() - drawnAt > STILL_MS) await redraw(section);
  } catch {
    // The next look tries again; what is there stays.
  } finally {
    polling = false;
  }
}

async function redraw(section) {
  const drawn = new DOMParser().parseFromString(await block("journey"), "text/html").getElementById("journey");
  drawnAt = Date.now();
  const hops = byId("hops");
  const added = [...drawn.querySelectorAll("#hops > li")].filter((hop) => !byId(hop.id));
  for (const hop of added) {
    hop.classList.add("fresh");
    hops.append(hop);
  }
  for (const id of ["journey-state", "jail-sees", "journey-title"]) {
    const now = drawn.querySelector(`#${id}`);
    if (now && now.innerHTML !== byId(id).innerHTML) byId(id).innerHTML = now.innerHTML;
  }
  section.dataset.hops = drawn.dataset.hops;
  if ("ended" in drawn.dataset) section.dataset.ended = "";
  if (added.length) announce(added.map((hop) => hop.querySelector("h4").textContent).join(". "));
}

// ------------------------------------------------------------------------------------------------------ the scenario

const RUN_WORDS = {
  starting: () => "Making people …",
  open: (run) => `${number(run.booked)} of ${number(run.total)} booked. Open day: ${run.open_day}.`,
  reconciling: () => "The last day is closed. Waiting for audit to compare its log with the streams …",
  failed: (run) => `It has failed. ${run.error}`,
  done: (run) => (run.stopped ? `Stopped early, and ended in good order: ${run.runid}.` : `Through: ${run.runid}.`),
};
const windingUp = (run) => `All are booked; days pass until no case is open. Open day: ${run.open_day}.`;

let resultOf = null;

function drawRun(run) {
  if (run.status === "none") return;
  byId("run").hidden = false;
  const words = (RUN_WORDS[run.status] ?? windingUp)(run);
  say(byId("run-says"), run.paused ? `Paused. ${words}` : words);
  byId("run-progress").max = run.total ?? 1;
  byId("run-progress").value = run.status === "done" ? run.total : run.booked ?? 0;
  rest(byId("start"), run.busy);
  byId("run-orders").hidden = !run.busy;
  rest(byId("run-pause"), run.paused);
  rest(byId("run-resume"), !run.paused);
  if (run.status !== "done") {
    byId("run-result").replaceChildren();
    resultOf = null;
  } else if (resultOf !== run.runid) {
    resultOf = run.runid;
    drawResult(run);
  }
}

function drawResult(run) {
  const table = document.createElement("table");
  table.append(make("caption", {}, `${run.wish.scenario}, seed ${run.wish.seed}: what happened (simulated)`));
  const body = table.createTBody();
  for (const [words, count] of run.summary) {
    const row = body.insertRow();
    row.append(make("th", { scope: "row" }, words), make("td", { class: "number" }, number(count)));
  }
  const proof = run.reconciled ? "✓ The log of audit has exactly what the streams disclose" : "▲ The log and the streams differ";
  const dead = counted(run.dead_letters, "dead letter");
  const command = make("span", { class: "command" });
  command.append(
    make("code", {}, run.command),
    " ",
    make("button", { type: "button", "data-copy": run.command }, "Copy"),
  );
  byId("run-result").replaceChildren(
    table,
    make("p", {}, `${proof} (${number(run.log_size)} entries, all runs together), with ${dead} in all.`),
    make("p", {}, "The whole report, with published figures beside it:"),
    command,
  );
}

// ------------------------------------------------------------------------------------------------------- breaking it

function drawBroken(services) {
  const known = Object.entries(services);
  const off = known.every(([name, service]) => name.startsWith("witness") || (service.state !== "away" && !service.faults));
  byId("switches-off").hidden = !off;
  const told = known
    .filter(([, service]) => service.faults?.paused || service.faults?.slow_ms || service.state === "away")
    .map(([name, service]) => `${name}: ${stateOf(service).slice(2).trim()}`);
  byId("broken").hidden = told.length === 0;
  say(byId("broken"), told.length ? `Just now, ${told.join("; ")}.` : "");
}

async function listLetters() {
  const place = byId("dead-letters");
  let told;
  try {
    told = await ask("/flow/dead-letters");
  } catch (problem) {
    place.replaceChildren(make("p", {}, problem.message));
    return;
  }
  if (told.count === 0) {
    place.replaceChildren(make("p", {}, "There are none."));
    return;
  }
  const table = document.createElement("table");
  table.append(make("caption", {}, `${number(told.count)} in all`));
  const head = table.createTHead().insertRow();
  for (const words of ["stream", "group", "reason", "in words", "try again"]) head.append(make("th", { scope: "col" }, words));
  const body = table.createTBody();
  for (const letter of told.letters) {
    const row = body.insertRow();
    row.append(make("th", { scope: "row" }, letter.stream));
    for (const name of ["group", "reason", "detail"]) row.append(make("td", {}, letter[name]));
    row.insertCell().append(letter.hopeless ? make("span", {}, "of no use: nobody can read it") : redriveButton(letter));
  }
  const wide = make("div", { class: "wide", tabindex: "0", role: "region", "aria-label": "Dead letters" });
  wide.append(table);
  place.replaceChildren(wide);
}

function redriveButton(letter) {
  const again = make("button", { type: "button", "aria-label": `Redrive ${letter.number}` }, "Redrive");
  again.addEventListener("click", () => redrive(letter.number));
  return again;
}

async function redrive(letter) {
  let said = "Sent again. If it fails again, it comes back here.";
  try {
    await send("/flow/dead-letters/redrive", new URLSearchParams({ number: letter }));
  } catch (problem) {
    said = problem.message;
  }
  await listLetters();
  announce(said);
  byId("dead-letters").focus(); // the button that was pressed is gone
}

async function prove() {
  const [button, place] = [byId("prove"), byId("proof")];
  rest(button, true);
  place.replaceChildren(make("p", {}, "Looking, until everything has come to rest (at most 15 s) …"));
  try {
    const told = await ask("/flow/proof");
    const verdict = make("p", { class: told.proven ? "proven" : "unproven" });
    verdict.append(make("strong", {}, told.proven ? "✓ Proven. " : "▲ Not proven. "), told.sentence);
    const points = document.createElement("ul");
    for (const point of told.points) points.append(make("li", {}, `${point.holds ? "✓" : "▲"} ${point.says}`));
    place.replaceChildren(verdict, points);
  } catch (problem) {
    place.replaceChildren(make("p", { class: "failure" }, problem.message));
  } finally {
    rest(button, false);
  }
  await listLetters();
}

function send(path, body) {
  return ask(path, { method: "POST", body, headers: { "Content-Type": "application/x-www-form-urlencoded" } });
}

async function act(form) {
  const button = form.querySelector("button");
  const says = form.closest(".switch")?.querySelector(".says") ?? byId("run-says");
  rest(button, true);
  try {
    const told = await send(form.getAttribute("action"), new URLSearchParams(new FormData(form)));
    if (form.dataset.act === "break") {
      say(says, told.says);
      await listLetters();
    } else {
      drawRun(told);
    }
  } catch (problem) {
    if (form.dataset.act !== "break") byId("run").hidden = false;
    say(says, problem.message);
  } finally {
    rest(button, false);
  }
}

// ---------------------------------------------------------------------------------------------------- booking by hand

async function book(form) {
  const button = form.querySelector("button");
  rest(button, true);
  say(byId("book-says"), "Finding somebody, and booking them …");
  try {
    const told = await send(form.getAttribute("action"), new URLSearchParams(new FormData(form)));
    location.assign(told.address);
  } catch (problem) {
    say(byId("book-says"), problem.message);
  }
  rest(button, false);
}

// ------------------------------------------------------------------------------------------------------------- alive

let source = null;

function draw(snapshot) {
  drawServices(snapshot);
  drawNow(snapshot);
  if (snapshot.redis) {
    drawEdges(snapshot);
    drawTable(snapshot.rows);
    drawDots(snapshot.edges);
  }
  drawRun(snapshot.scenario);
  drawBroken(snapshot.services);
  follow();
}

// Only while somebody sees the page: a hidden one holds no connection, of which a browser has few.
function listen() {
  if (document.hidden) {
    source?.close();
    source = null;
  } else if (source === null) {
    source = new EventSource("/flow/live");
    source.addEventListener("message", (event) => draw(JSON.parse(event.data)));
    source.addEventListener("error", () => say(byId("now"), "The console does not answer just now; what you see is the last it said."));
  }
}

for (const form of document.querySelectorAll("form[data-act]")) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    act(form);
  });
}
byId("book").addEventListener("submit", (event) => {
  event.preventDefault();
  book(event.target);
});
byId("prove").addEventListener("click", prove);
document.addEventListener("visibilitychange", listen);
addEventListener("pagehide", () => {
  source?.close();
  source = null;
});
addEventListener("pageshow", listen);
listLetters();
listen();
