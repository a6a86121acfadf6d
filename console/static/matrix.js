// One booking, thirty laws: whatever changes in the case, all laws are asked again here, by decide.js. The reasons of
// the one answer that is looked at are drawn by the console, which can also ask the service itself.
import { announce, ask, block, put, remember, rest } from "./console.js";
import { decide } from "./decide.js";

const PATIENCE_MS = 150;
const NARROW = matchMedia("(max-width: 62rem)");
const BY_KIND = "kind";
const BY_YEAR = "year";

const words = JSON.parse(document.getElementById("words").textContent);
const form = document.getElementById("case");
const table = document.getElementById("matrix");
const detail = document.getElementById("detail");
const panel = document.getElementById("panel");
const closeButton = document.getElementById("close");
const changes = document.getElementById("changes");
const rows = [...table.querySelectorAll("tr[data-law]")];
const answerOrder = Object.keys(words.answers);
const kindOrder = Object.keys(words.kinds);

let tables = null;
let policies = new Map();
let decisions = new Map();
let chosen = chosenCell() ?? cellsOf(rows[0])[0];
let timer = null;
let waiting = null;

function cellsOf(row) {
  return [...row.querySelectorAll("td")];
}

function chosenCell() {
  return table.querySelector("a[aria-current]")?.closest("td");
}

function fields() {
  return [...form.elements].filter((field) => field.dataset.fact !== undefined);
}

function stageOf() {
  return Number(form.elements.stage.value);
}

function skips() {
  return [...form.querySelectorAll("input[name=skips]:checked")].map((box) => box.value);
}

/** What a field says, in the form that addresses have; empty when it is as it would be assumed. */
function saidBy(field) {
  if (field.type === "checkbox") return field.checked ? field.value : "";
  if (!field.validity.valid) return "";
  return field.value === field.dataset.usual ? "" : field.value;
}

/** The facts of the case at a stage, as a policy is asked. */
function factsAt(stage) {
  const facts = {};
  for (const field of fields()) {
    const word = saidBy(field);
    if (word === "") continue;
    if (field.type === "checkbox") facts[field.name] = true;
    else facts[field.name] = field.type === "number" ? Number(word) : word;
  }
  const never = skips();
  for (const { fact } of words.stages.slice(0, stage + 1)) {
    if (fact && !never.includes(fact)) facts[fact] = true;
  }
  return facts;
}

/** The address of the case, and of the answer that is looked at. */
function address(law, lever) {
  const search = new URLSearchParams();
  for (const field of fields()) {
    const word = saidBy(field);
    if (word !== "") search.append(field.name, word);
  }
  for (const fact of skips()) search.append("skips", fact);
  search.append("stage", stageOf());
  if (form.elements.sort.value !== BY_KIND) search.append("sort", form.elements.sort.value);
  if (form.elements.find.value) search.append("find", form.elements.find.value);
  for (const [name, usual] of Object.entries(words.usual)) {
    if (form.elements[name].value !== usual) search.append(name, form.elements[name].value);
  }
  search.append("law", law);
  search.append("lever", lever);
  return `${location.pathname}?${search}`;
}

function lawOf(cell) {
  return cell.closest("tr").dataset.law;
}

function addressOfCell(cell) {
  return address(lawOf(cell), cell.dataset.lever);
}

function signed(answer) {
  const [sign, word] = words.answers[answer];
  return { sign, word };
}

function why({ clauses }) {
  const said = clauses.map(({ id, text }) => `${id}: ${text}`).join("; ");
  return said || "Nothing in this law speaks about it.";
}

/** Marks the laws that do not bind whoever holds the person. */
function drawBound() {
  const holder = form.elements.custodian.value;
  for (const row of rows) {
    const bound = row.dataset.binds === "" || row.dataset.binds.split(" ").includes(holder);
    row.querySelector(".unbound").hidden = bound;
  }
}

/** Asks all laws again, and marks what has changed; returns how many answers have. */
function decideAll({ mark }) {
  const facts = factsAt(stageOf());
  decisions = new Map([...policies].map(([id, policy]) => [id, decide(tables, policy, facts)]));
  let changed = 0;
  for (const row of rows) {
    const { levers } = decisions.get(row.dataset.law);
    for (const cell of cellsOf(row)) {
      const lever = levers[cell.dataset.lever];
      const before = cell.className.split(" ")[0];
      const differs = before !== lever.answer;
      if (differs) changed += 1;
      const { sign, word } = signed(lever.answer);
      cell.className = differs && mark ? `${lever.answer} changed` : lever.answer;
      cell.querySelector(".was").textContent = differs && mark ? `was ${signed(before).word}` : "";
      cell.querySelector(".sign").textContent = sign;
      cell.querySelector(".word").textContent = word;
      cell.querySelector("a").title = why(lever);
    }
  }
  return changed;
}

function drawSums() {
  for (const sum of document.querySelectorAll("#sums .sum")) {
    const answers = [...decisions.values()].map(({ levers }) => levers[sum.dataset.lever].answer);
    const spans = sum.querySelectorAll("span");
    const bars = sum.querySelectorAll("rect");
    let from = 0;
    answerOrder.forEach((answer, place) => {
      const count = answers.filter((each) => each === answer).length;
      spans[place].textContent = `${count} ${signed(answer).word}`;
      bars[place].setAttribute("x", from);
      bars[place].setAttribute("width", count);
      from += count;
    });
  }
}

function drawStage() {
  const stage = stageOf();
  const slider = form.elements.stage;
  slider.setAttribute("aria-valuetext", words.stages[stage].words);
  const skipped = skips().includes(words.stages[stage].fact) ? " In this case it never happens." : "";
  document.getElementById("stage-meaning").textContent = words.stages[stage].meaning + skipped;
  document.querySelectorAll(".stops li").forEach((stop, place) => stop.classList.toggle("now", place === stage));
  for (const head of table.querySelectorAll("thead th[data-lever]")) {
    const { binds, stages } = words.levers[head.dataset.lever];
    head.querySelector(".binds").textContent = `binds ${stages.includes(stage) ? "now" : binds}`;
  }
}

function drawTold() {
  const told = document.getElementById("told");
  const parts = fields().filter((field) => saidBy(field) !== "");
  told.replaceChildren();
  parts.forEach((field, place) => {
    const value = document.createElement("b");
    value.textContent = field.type === "checkbox" ? "yes" : (field.selectedOptions?.[0].textContent ?? field.value);
    told.append(place ? "; " : "", `${field.labels[0].textContent}: `, value);
  });
  if (parts.length === 0) told.textContent = "nothing beyond the detainer itself";
}

function rank(row, sort) {
  const { kind, place, since, law } = row.dataset;
  if (sort === BY_YEAR) return [0, since, place, law];
  if (sort === BY_KIND) return [kindOrder.indexOf(kind), place, since, law];
  return [answerOrder.indexOf(decisions.get(law).levers[sort].answer), place, since, law];
}

function compare(one, other) {
  for (let place = 0; place < one.length; place += 1) {
    if (one[place] !== other[place]) return one[place] < other[place] ? -1 : 1;
  }
  return 0;
}

function heading(kind) {
  const row = document.createElement("tr");
  row.className = "kind";
  const head = document.createElement("th");
  head.scope = "rowgroup";
  head.colSpan = Object.keys(words.levers).length + 1;
  head.textContent = words.kinds[kind];
  row.append(head);
  return row;
}

/** Puts the rows in order, with headings above kinds of law, and hides those that are not looked for. */
function arrange() {
  const sort = form.elements.sort.value;
  const sought = form.elements.find.value.trim().toLowerCase();
  for (const row of rows) row.hidden = !row.dataset.said.includes(sought);
  const ordered = [...rows].sort((one, other) => compare(rank(one, sort), rank(other, sort)));
  for (const body of table.querySelectorAll("tbody")) body.remove();
  let body = null;
  let kind = null;
  for (const row of ordered) {
    if (body === null || (sort === BY_KIND && row.dataset.kind !== kind)) {
      kind = row.dataset.kind;
      body = document.createElement("tbody");
      const isEmpty = !ordered.some((each) => !each.hidden && each.dataset.kind === kind);
      if (sort === BY_KIND && !isEmpty) body.append(heading(kind));
      table.append(body);
    }
    body.append(row);
  }
}

function drawAddresses() {
  for (const row of rows) {
    for (const cell of cellsOf(row)) cell.querySelector("a").href = addressOfCell(cell);
  }
  remember(addressOfCell(chosen));
}

/** Draws the reasons of the answer that is looked at, and the law of the place; until they are there, the last stay. */
async function drawReasons() {
  waiting?.abort();
  waiting = new AbortController();
  const open = [...detail.querySelectorAll("details[open]")].map((each) => each.dataset.keep);
  try {
    const blocks = ["detail", "law"].map((name) => block(name, addressOfCell(chosen), waiting.signal));
    const [reasons, law] = await Promise.all(blocks);
    put(detail, reasons);
    document.getElementById("law").innerHTML = law;
    for (const each of detail.querySelectorAll("details")) each.open = open.includes(each.dataset.keep);
  } catch (problem) {
    if (problem.name !== "AbortError") announce(`${problem.message} The reasons shown are the last ones.`);
  }
}

function drawReasonsSoon() {
  clearTimeout(timer);
  timer = setTimeout(drawReasons, PATIENCE_MS);
}

/** Shows the reasons of one answer. */
function choose(cell) {
  if (cell === chosen) return;
  for (const link of table.querySelectorAll("a[aria-current]")) link.removeAttribute("aria-current");
  chosen.querySelector("a").tabIndex = -1;
  chosen = cell;
  chosen.querySelector("a").tabIndex = 0;
  chosen.querySelector("a").setAttribute("aria-current", "true");
  remember(addressOfCell(chosen));
  drawReasonsSoon();
}

function update() {
  if (!tables) return;
  const changed = decideAll({ mark: true });
  const told = changed === 1 ? "1 answer changed" : `${changed} answers changed`;
  changes.textContent = `${told} by the last change${changed ? ", each marked with what it was" : ""}.`;
  announce(`${told}.`);
  drawSums();
  drawStage();
  drawTold();
  drawBound();
  arrange();
  drawAddresses();
  drawReasonsSoon();
}

function rearrange() {
  if (!tables) return;
  arrange();
  drawAddresses();
  const shown = rows.filter((row) => !row.hidden).length;
  announce(`${shown} of ${rows.length} laws are shown.`);
}

function askElsewhere() {
  if (!form.elements.on.validity.valid) return;
  drawAddresses();
  drawReasonsSoon();
  announce("The law of the place is asked again.");
}

/** Fills the form with the case of an address. */
function begin(search) {
  const told = new URLSearchParams(search);
  for (const field of fields()) {
    if (field.type === "checkbox") field.checked = told.get(field.name) === field.value;
    else field.value = told.get(field.name) ?? field.dataset.usual;
  }
  for (const box of form.querySelectorAll("input[name=skips]")) box.checked = told.getAll("skips").includes(box.value);
  form.elements.stage.value = told.get("stage") ?? "0";
  update();
}

/** The answer beside, above or below one, among the rows that are shown. */
function neighbour(cell, key) {
  const shown = [...table.querySelectorAll("tr[data-law]")].filter((row) => !row.hidden);
  const row = shown.indexOf(cell.closest("tr"));
  const cells = cellsOf(shown[row]);
  const column = cells.indexOf(cell);
  const steps = {
    ArrowLeft: () => cells[column - 1],
    ArrowRight: () => cells[column + 1],
    ArrowUp: () => shown[row - 1] && cellsOf(shown[row - 1])[column],
    ArrowDown: () => shown[row + 1] && cellsOf(shown[row + 1])[column],
    Home: () => cells[0],
    End: () => cells.at(-1),
  };
  return steps[key]?.();
}

function isSame(one, other) {
  return one.length === other.length && one.every((each, place) => each === other[place]);
}

/** Asks the detainer service about one law, and says whether it agrees with what this browser has computed. */
async function askService(button) {
  const said = document.getElementById("service");
  const policy = policies.get(button.dataset.ask);
  const ours = decide(tables, policy, factsAt(stageOf()));
  rest(button, true);
  said.textContent = "Asking ...";
  try {
    const theirs = await ask("/laws/ask", { json: { policy: policy.id, facts: factsAt(stageOf()) } });
    const differing = tables.levers.filter((lever) => theirs.answers[lever] !== ours.levers[lever].answer);
    const quoted = new Set(
      tables.levers.flatMap((lever) =>
        ours.levers[lever].clauses.map(({ id, text, source }) => `${id} ${text} [${source}]`),
      ),
    );
    const sameReasons = isSame([...quoted].sort(), [...theirs.because].sort());
    const sameText = theirs.sha256 === policy.sha256;
    if (differing.length > 0) {
      said.textContent = `The service differs on ${differing.join(", ")}: its answer counts. Reload the page.`;
    } else {
      const reasons = sameReasons ? "by the same clauses" : "though by other clauses";
      const text = sameText ? `from the same text (SHA-256 ${policy.sha256.slice(0, 12)}...)` : "from another text";
      said.textContent = `The detainer service agrees: the same five answers, ${reasons}, ${text}.`;
    }
  } catch (problem) {
    said.textContent = problem.message;
  }
  rest(button, false);
}

function closePanel() {
  panel.classList.remove("open");
  closeButton.hidden = true;
  chosen.querySelector("a").focus({ preventScroll: true });
}

function listen() {
  form.addEventListener("submit", (event) => event.preventDefault());
  for (const name of ["find", "sort"]) form.elements[name].addEventListener("input", rearrange);
  for (const name of ["place", "on"]) form.elements[name].addEventListener("input", askElsewhere);
  // Fields of the form stand outside of its element, too.
  document.addEventListener("input", (event) => {
    if (event.target.form !== form) return;
    if (event.target.dataset.fact !== undefined || ["stage", "skips"].includes(event.target.name)) update();
  });
  document.querySelectorAll("a[data-preset]").forEach((link) =>
    link.addEventListener("click", (event) => {
      event.preventDefault();
      begin(new URL(link.href).search);
    }),
  );
  table.addEventListener("focusin", (event) => {
    const cell = event.target.closest("td");
    if (cell) choose(cell);
  });
  table.addEventListener("click", (event) => {
    const link = event.target.closest("td a");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    choose(link.closest("td"));
    if (NARROW.matches) {
      panel.classList.add("open");
      closeButton.hidden = false;
    }
  });
  table.addEventListener("keydown", (event) => {
    const cell = event.target.closest("td");
    const next = cell && neighbour(cell, event.key);
    if (!next) return;
    event.preventDefault();
    next.querySelector("a").focus();
  });
  closeButton.addEventListener("click", closePanel);
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && panel.classList.contains("open")) closePanel();
  });
  detail.addEventListener("click", (event) => {
    const button = event.target.closest("[data-ask]");
    if (button) askService(button);
  });
}

async function start() {
  tables = await ask("/laws/tables.json");
  policies = new Map(tables.policies.map((policy) => [policy.id, policy]));
  for (const link of table.querySelectorAll("td a")) link.tabIndex = -1;
  chosen.querySelector("a").tabIndex = 0;
  decideAll({ mark: false });
  listen();
  document.body.dataset.ready = "laws";
}

start().catch((problem) => {
  changes.textContent = `${problem.message}. The table shows the case of the address.`;
});
