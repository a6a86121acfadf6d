// The policy lab: what is chosen goes into the address, and the comparison of it is drawn as soon as it is there.
import { announce, ask, block, copy, put, remember } from "./console.js";
import { make, number } from "./elements.js";
import { openEditor } from "./lab-editor.js";

const form = document.getElementById("lab");
const result = document.getElementById("result");
const progress = document.getElementById("progress");
const failure = document.getElementById("failure");
const PATIENCE_MS = 200;
const QUICK_MS = 250;
const USUAL = "us-full-cooperation";

let chosen = JSON.parse(document.getElementById("lab-state").textContent).policies;
let underWay = null;
let timer = null;

/* What a slider says: as console/lab/sliders.py has it. */

const POSITIONS = {
  share: { words: (slider) => `${Number((100 * slider.value).toPrecision(3))} %`, told: (slider) => slider.value },
  capacity: {
    words: (slider) => (isUnlimited(slider) ? "no limit" : `${Number(slider.value)} a day`),
    told: (slider) => (isUnlimited(slider) ? "none" : slider.value),
  },
  power: {
    words: (slider) => `1 in ${number(Math.round(10 ** -slider.value))}`,
    told: (slider) => String(10 ** Number(slider.value)),
  },
};

function isUnlimited(slider) {
  return Number(slider.value) >= Number(slider.max);
}

function sliders() {
  return [...form.querySelectorAll("[data-lever]")].map((field) => ({ field, input: field.querySelector("input") }));
}

function isChanged({ field, input }) {
  return field.dataset.told !== undefined || Math.abs(Number(input.value) - nearest(field.dataset.usual, input)) > 1e-9;
}

/** The position that stands for the scenario's own value: a slider has steps, and the value may lie between two. */
function nearest(usual, input) {
  const steps = Math.round((usual - input.min) / input.step);
  return Math.min(Number(input.max), Number(input.min) + steps * Number(input.step));
}

function showMoved(each) {
  const { field, input } = each;
  delete field.dataset.told;
  const words = POSITIONS[field.dataset.kind].words(input);
  field.querySelector("output").textContent = words;
  input.setAttribute("aria-valuetext", words);
  field.classList.toggle("changed", isChanged(each));
  field.querySelector(".usual").hidden = !isChanged(each);
}

/* The address. */

function address({ withLevers = true } = {}) {
  const search = new URLSearchParams();
  search.append("scenario", form.elements.scenario.value);
  const explanation = form.elements.explanation?.value;
  if (explanation && withLevers !== "scenario") search.append("explanation", explanation);
  for (const policy of chosen) search.append("policy", policy);
  search.append("bookings", form.elements.bookings.value);
  search.append("seed", form.elements.seed.value);
  if (withLevers === true) {
    for (const each of sliders().filter(isChanged)) {
      // As the address had it, until it is moved: that may lie between two steps.
      search.append(each.field.dataset.lever, each.field.dataset.told ?? POSITIONS[each.field.dataset.kind].told(each.input));
    }
  }
  for (const field of form.querySelectorAll("[data-assumption]")) {
    if (field.value.trim() !== "") search.append(field.name, field.value.trim());
  }
  return search;
}

/* Comparing. */

function showProgress(message) {
  progress.hidden = false;
  document.getElementById("progress-bar").value = message.share;
  document.getElementById("progress-words").textContent = message.words;
}

function showFailure(words) {
  failure.hidden = words === "";
  failure.textContent = words;
}

async function* messages(search, signal) {
  const response = await fetch(`/lab/compare?${search}`, { headers: { "X-Fragment": "result" }, signal });
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const lines = (rest + value).split("\n");
    rest = lines.pop();
    yield* lines.map((line) => JSON.parse(line));
  }
}

/** Open details stay open, wherever the new result has the same. */
function draw(html) {
  const open = new Set([...result.querySelectorAll("details[open] > summary")].map((each) => each.textContent));
  put(result, html);
  for (const summary of result.querySelectorAll("details > summary")) {
    if (open.has(summary.textContent)) summary.parentElement.open = true;
  }
}

async function compare() {
  underWay?.abort();
  const mine = new AbortController();
  underWay = mine;
  const search = address();
  remember(`${location.pathname}?${search}`);
  showFailure("");
  let latest = { share: 0, words: "waiting for the lab" };
  const late = setTimeout(() => showProgress(latest), QUICK_MS);
  result.setAttribute("aria-busy", "true");
  try {
    for await (const message of messages(search, mine.signal)) {
      if (message.html !== undefined) {
        draw(message.html);
        announce("The comparison is there.");
      } else if (message.error !== undefined) {
        showFailure(message.error);
      } else {
        latest = message;
        if (!progress.hidden) showProgress(message);
      }
    }
  } catch (problem) {
    if (!mine.signal.aborted) showFailure("The console does not answer; what you see is the last result.");
  } finally {
    clearTimeout(late);
    if (mine === underWay) {
      underWay = null;
      progress.hidden = true;
      result.removeAttribute("aria-busy");
    }
  }
}

function soon(after = PATIENCE_MS) {
  clearTimeout(timer);
  timer = setTimeout(() => {
    if (form.reportValidity()) compare();
  }, after);
}

document.getElementById("cancel").addEventListener("click", () => {
  underWay?.abort();
  announce("Cancelled. What you see is the last result.");
  showFailure("Cancelled. What you see is the last result; change anything, or compare again.");
  showAgain();
});

function showAgain() {
  const again = make("button", { type: "button", onclick: () => compare() }, "Compare again");
  failure.append(" ", again);
  again.focus();
}

/* Laws. */

function cardOf(id) {
  return form.querySelector(`.policy[data-id="${CSS.escape(id)}"]`);
}

const button = (words, label, action) => make("button", { type: "button", "aria-label": label, onclick: action }, words);

function showChosen() {
  const list = document.getElementById("chosen");
  list.replaceChildren(
    ...chosen.map((id, place) => {
      const isKnown = cardOf(id) !== null;
      const title = isKnown ? cardOf(id).dataset.title : `${id} (not known here)`;
      const item = make("li", {}, make("span", {}, make("strong", {}, title), make("code", {}, id)));
      if (place === 0) item.append(make("span", { class: "tag" }, "the first"));
      else item.append(button("Make first", `Make first: ${title}`, () => makeFirst(id, title)));
      if (chosen.length > 1 || !isKnown) item.append(button("Remove", `Remove: ${title}`, () => remove(id, title)));
      return item;
    }),
  );
  document.getElementById("not-here").hidden = chosen.every(cardOf);
  for (const box of form.querySelectorAll('input[name="policy"]')) box.checked = chosen.includes(box.value);
}

function choose(policies) {
  chosen = policies;
  showChosen();
  soon();
}

function makeFirst(id, title) {
  choose([id, ...chosen.filter((each) => each !== id)]);
  announce(`First: ${title}`);
  document.getElementById("chosen").focus();
}

/** Takes a law out; one always stays. Whoever goes by keyboard stays in the list. */
function remove(id, title) {
  const rest = chosen.filter((each) => each !== id);
  choose(rest.length ? rest : [USUAL]);
  announce(`Removed: ${title}`);
  document.getElementById("chosen").focus();
}

function find(words) {
  const wanted = words.toLowerCase().split(/\s+/).filter(Boolean);
  let found = 0;
  for (const card of form.querySelectorAll(".policy")) {
    card.hidden = !wanted.every((word) => card.dataset.words.includes(word));
    found += card.hidden ? 0 : 1;
  }
  for (const group of form.querySelectorAll(".group")) {
    group.hidden = wanted.length > 0 && !group.querySelector(".policy:not([hidden])");
  }
  document.getElementById("nothing-found").hidden = found > 0;
  document.getElementById("filter-hint").textContent = wanted.length ? `${found} found` : "A place, a year, or what it says";
}

async function renewCards() {
  document.getElementById("cards").innerHTML = await block("cards", `/lab?${address()}`);
  find(document.getElementById("filter").value);
  showChosen();
}

async function renewSettings(search, focused) {
  document.getElementById("settings").innerHTML = await block("settings", `/lab?${search}`);
  document.getElementById(focused).focus();
  await compare();
}

async function edit(id) {
  const saved = await openEditor(id === null ? null : await ask(`/lab/policies/${encodeURIComponent(id)}`));
  if (saved === null) return;
  if (saved.deleted) {
    const rest = chosen.filter((each) => each !== saved.deleted);
    chosen = rest.length ? rest : [USUAL];
  } else if (!chosen.includes(saved.id)) {
    chosen = [...chosen, saved.id];
  }
  await renewCards();
  await compare();
}

/* What is pressed and changed. */

form.addEventListener("submit", (event) => {
  event.preventDefault();
  soon(0);
});

form.addEventListener("input", async (event) => {
  const field = event.target;
  if (field.id === "filter") {
    find(field.value);
  } else if (field.name === "policy") {
    choose(field.checked ? [...chosen, field.value] : chosen.filter((each) => each !== field.value));
    if (chosen.length === 0) choose([field.value]);
  } else if (field.dataset.renews !== undefined) {
    clearTimeout(timer);
    const search = address({ withLevers: field.id === "scenario" ? "scenario" : false });
    await renewSettings(search, field.id).catch((problem) => showFailure(problem.message));
  } else {
    const lever = field.closest("[data-lever]");
    if (lever) showMoved({ field: lever, input: field });
    soon();
  }
});

form.addEventListener("click", (event) => {
  const pressed = event.target.closest("button");
  if (!pressed) return;
  if (pressed.dataset.edit !== undefined) edit(pressed.dataset.edit).catch((problem) => showFailure(problem.message));
  else if (pressed.id === "write") edit(null).catch((problem) => showFailure(problem.message));
  else if (pressed.dataset.reset !== undefined) reset(pressed.closest("[data-lever]"));
  else if (pressed.dataset.preset !== undefined) {
    document.getElementById(pressed.dataset.for).value = pressed.dataset.preset;
    soon(0);
  } else if (pressed.dataset.copyAddress !== undefined) copy(pressed, location.href, "Copy it from the address bar");
});

function reset(field) {
  const input = field.querySelector("input");
  input.value = field.dataset.usual;
  showMoved({ field, input });
  input.focus();
  soon(0);
}

showChosen();
if (result.querySelector(".waiting")) compare();
else remember(`${location.pathname}?${address()}`);
