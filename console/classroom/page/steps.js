/* The six steps of the hour, each drawn from what the group has chosen so far. */

import { decide } from "./decide.js";
import { answersUnder, countUnder, factsOf, LEVERS, measured } from "./people.js";
import { choosableFacts, clauseOf, CLOSING, draftOf, isChanged, isDraftChanged, lawOf, OWN, ownClause, testsOf } from "./law.js";
import { BadCode, cleanName, codeOf, readCode } from "./code.js";
import { freshNonce, plainSeal, sealOf } from "./seal.js";
import { announce, byId, choice, el, fill, inNumbers, wide, word, yardstickTable } from "./parts.js";

const MOST_GROUPS = 10;
const SHOWN_FACTS = ["charge", "charge_filed", "held_to_answer", "years_since_felony", "years_since_serious_felony", "lawful_status_proof", "admin_paper", "federal_judicial_warrant", "juvenile"];
const CLOCK_WORDS = [
  ["", "the law does not say (working days)"],
  ["excluding_weekends_and_holidays", "working days: no weekends, no holidays"],
  ["straight", "all hours"],
];
const ORDER = ["must", "may", "silent", "must_not"];

const spoken = (name) => name.replaceAll("_", " ");
const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1);

/** What the page knows and what the group has done; `save` is called whenever that changes. */
export class Hour {
  constructor(data, state, save) {
    Object.assign(this, { data, state, save });
    this.facts = factsOf(data.population);
    this.counted = new Map();
    this.gathering = [];
  }

  policy(id) {
    return this.data.tables.policies.find((each) => each.id === id);
  }

  /** What a law answers about some facts, by lever. */
  answers(law, facts) {
    return decide(this.data.tables, law, facts).levers;
  }

  /** What comes of a law on the same people; each law is worked out once. */
  count(law) {
    const key = JSON.stringify([law.clauses, law.otherwise, law.max_hold_hours, law.clock]);
    if (!this.counted.has(key)) {
      const said = answersUnder(law, this.facts, (facts) => this.answers(law, facts));
      this.counted.set(key, countUnder(this.data.population, said, law));
    }
    return this.counted.get(key);
  }

  measure(yardstick, law) {
    return measured(yardstick, this.count(law));
  }

  get draft() {
    this.state.draft ??= draftOf(this.policy(this.data.guess_laws[1]));
    return this.state.draft;
  }

  get base() {
    return this.policy(this.draft.base);
  }

  get ownLaw() {
    return lawOf(this.base, this.draft, this.ownTitle(this.state.group, this.base));
  }

  ownTitle(group, base) {
    return `${group || "Our law"}, from ${base.id}`;
  }
}

// The guess

/** How the simulation answers the questions: so many of a hundred. */
function answersToGuesses(hour) {
  const { shares, cases } = hour.data.population;
  const [first, second] = hour.data.guess_laws.map((id) => hour.count(hour.policy(id)).dot);
  const all = (column) => column.reduce((sum, each) => sum + each, 0);
  const of = (part, whole) => Math.round((100 * part) / whole);
  const size = cases.profile.length;
  const answers = {
    unconvicted: of(shares.unconvicted, shares.matches),
    lodged: of(shares.lodged, shares.matches),
    held_a: of(all(first.held), size),
    held_b: of(all(second.held), size),
    taken_a: of(all(first.transferred), size),
  };
  return hour.data.questions.map(({ id }) => answers[id]);
}

function sealedParts(hour) {
  const { group, guesses, yardsticks, nonce } = hour.state;
  return { people: hour.data.id, group, guesses, yardsticks, nonce };
}

/** The form of the guess, or the seal where it was made. */
export function drawGuess(hour) {
  const { data, state } = hour;
  const isSealed = Boolean(state.seal);
  byId("law-a").textContent = hour.policy(data.guess_laws[0]).title;
  byId("law-b").textContent = hour.policy(data.guess_laws[1]).title;
  byId("questions").replaceChildren(
    ...data.questions.map(({ id, words }, place) =>
      el(
        "div",
        { class: "question" },
        el("label", { for: `guess-${id}`, text: words }),
        el("input", {
          id: `guess-${id}`, type: "number", min: 0, max: 100, step: 1, inputmode: "numeric", required: true,
          disabled: isSealed, value: state.guesses[place] ?? null,
        }),
      ),
    ),
  );
  byId("yardsticks").replaceChildren(
    ...data.population.yardsticks.map(({ words, why }, place) =>
      el(
        "div",
        { class: "pick" },
        el("input", {
          type: "checkbox", id: `yardstick-${place}`, disabled: isSealed, checked: state.yardsticks.includes(place),
          "aria-describedby": `yardstick-why-${place}`,
        }),
        el("span", {}, el("label", { for: `yardstick-${place}`, text: words }), el("small", { id: `yardstick-why-${place}`, text: why })),
      ),
    ),
  );
  byId("seal-button").hidden = isSealed;
  byId("sealed").hidden = !isSealed;
  byId("seal").textContent = state.seal ?? "";
}

/** What keeps a guess from being sealed, as a sentence; null if nothing does. */
function problemOfGuess(hour, guesses, yardsticks) {
  if (!hour.state.group) return "Give your group a name first, on the first page.";
  const wrong = guesses.findIndex((guess) => !Number.isInteger(guess) || guess < 0 || guess > 100);
  if (wrong !== -1) return `Guess ${wrong + 1} has to be a whole number from 0 to 100.`;
  if (yardsticks.length !== hour.data.chosen) return `Choose exactly three yardsticks; you have ${yardsticks.length}.`;
  return null;
}

/** Seals the guess as it stands in the form. */
export async function seal(hour) {
  const guesses = hour.data.questions.map(({ id }) => (byId(`guess-${id}`).value === "" ? NaN : Number(byId(`guess-${id}`).value)));
  const yardsticks = hour.data.population.yardsticks.map((_, place) => place).filter((place) => byId(`yardstick-${place}`).checked);
  const problem = problemOfGuess(hour, guesses, yardsticks);
  byId("guess-problem").hidden = problem === null;
  byId("guess-problem").textContent = problem ?? "";
  if (problem !== null) return;
  Object.assign(hour.state, { guesses, yardsticks, nonce: freshNonce() });
  hour.state.seal = await sealOf(sealedParts(hour));
  hour.save();
  drawGuess(hour);
  announce(`Sealed. Your code is ${hour.state.seal}.`);
  byId("sealed").scrollIntoView({ block: "nearest" });
}

// The laws

/** The choices of the step, once. */
export function prepareLaws(hour) {
  const { data, state } = hour;
  fill(byId("case"), data.cards.map(({ label }) => [label, label]), state.card ?? data.cards[0].label);
  fill(byId("order"), [["", "nothing: by place and year"], ...data.tables.levers.map((lever) => [lever, data.lever_words[lever]])], "hold");
  const redraw = () => {
    state.card = byId("case").value;
    state.changes = {};
    hour.save();
    drawFacts(hour);
    drawLaws(hour);
  };
  byId("case").addEventListener("change", redraw);
  byId("order").addEventListener("change", () => drawLaws(hour));
  state.changes ??= {};
  drawFacts(hour);
}

function cardOf(hour) {
  return hour.data.cards.find(({ label }) => label === byId("case").value) ?? hour.data.cards[0];
}

function optionsOf(fact) {
  if (fact.kind === "yes_no") return [["false", "no"], ["true", "yes"]];
  if (fact.kind !== "number") return fact.values.map((value) => [String(value), spoken(String(value))]);
  const years = Array.from({ length: Math.min(fact.to, 30) + 1 }, (_, number) => [String(number), `${number} years`]);
  return fact.never ? [["never", "never"], ...years] : years;
}

function valueOf(fact, text) {
  if (fact.kind === "yes_no") return text === "true";
  return fact.kind === "number" && text !== "never" ? Number(text) : text;
}

function drawFacts(hour) {
  const { tables } = hour.data;
  const known = { ...cardOf(hour).facts, ...hour.state.changes };
  byId("facts").replaceChildren(
    ...SHOWN_FACTS.map((name) => {
      const fact = tables.facts[name];
      return choice(`fact-${name}`, sentence(spoken(name)), optionsOf(fact), String(known[name] ?? fact.missing), (text) => {
        hour.state.changes[name] = valueOf(fact, text);
        hour.save();
        drawLaws(hour);
      });
    }),
  );
}

/** The levers in the order of the columns: the one that is sorted by comes first, where a phone shows it. */
function columnsOf(hour) {
  const order = byId("order").value;
  return [...hour.data.tables.levers].sort((one, other) => Number(other === order) - Number(one === order));
}

function reasons(levers, words) {
  const items = Object.entries(levers)
    .filter(([, { clauses }]) => clauses.length > 0)
    .map(([lever, { answer, clauses }]) =>
      el(
        "li",
        {},
        el("strong", { text: `${sentence(words[lever])}: ` }),
        `${spoken(answer)}. `,
        ...clauses.map(({ id, text, source }) => el("span", { text: `${id}: ${text} [${source}] ` })),
      ),
    );
  return items.length > 0 ? el("ul", {}, ...items) : el("p", { text: "No clause of it speaks about this case." });
}

function lawRow(hour, law, levers, isOwn) {
  const { lever_words: words } = hour.data;
  const cells = columnsOf(hour).map((lever) => el("td", {}, word(levers[lever].answer)));
  const why = el("details", {}, el("summary", {}, "why", el("span", { class: "unseen", text: ` ${law.title} says so` })), reasons(levers, words));
  return el("tr", { class: isOwn ? "own" : null }, el("th", { scope: "row", text: law.title }), ...cells, el("td", {}, why));
}

function tally(hour, rows) {
  const { lever_words: words } = hour.data;
  const cells = (answer) =>
    columnsOf(hour).map((lever) => el("td", { class: "number", text: String(rows.filter(({ levers }) => levers[lever].answer === answer).length) }));
  return wide(
    "How many laws say what",
    el(
      "table",
      {},
      el("caption", { text: `How many of the ${rows.length} laws say what` }),
      el("thead", {}, el("tr", {}, el("td", {}), ...columnsOf(hour).map((lever) => el("th", { scope: "col", class: "number", text: sentence(words[lever]) })))),
      el("tbody", {}, ...ORDER.map((answer) => el("tr", {}, el("th", { scope: "row" }, word(answer)), ...cells(answer)))),
    ),
  );
}

/** The matrix: one case under all laws, the group's own first. */
export function drawLaws(hour) {
  const { tables, lever_words: words } = hour.data;
  const card = cardOf(hour);
  const facts = { ...card.facts, ...hour.state.changes };
  byId("story").textContent = `${card.label}. ${card.story}${Object.keys(hour.state.changes).length > 0 ? " (Some facts are changed below.)" : ""}`;
  const rows = tables.policies.map((law) => ({ law, levers: hour.answers(law, facts) }));
  const order = byId("order").value;
  const sorted = order
    ? [...rows].sort((one, other) => ORDER.indexOf(one.levers[order].answer) - ORDER.indexOf(other.levers[order].answer))
    : rows;
  const own = isDraftChanged(hour.base, hour.draft) ? [lawRow(hour, hour.ownLaw, hour.answers(hour.ownLaw, facts), true)] : [];
  const head = ["Law", ...columnsOf(hour).map((lever) => sentence(words[lever])), "Why"];
  byId("matrix").replaceChildren(
    tally(hour, rows),
    wide(
      "What each law says about this case",
      el(
        "table",
        { class: "laws" },
        el("caption", { text: `${card.label} under ${rows.length} laws` }),
        el("thead", {}, el("tr", {}, ...head.map((text) => el("th", { scope: "col", text })))),
        el("tbody", {}, ...own, ...sorted.map(({ law, levers }) => lawRow(hour, law, levers, false))),
      ),
    ),
  );
}

// Editing a law

/** The choices of the step, once. */
export function prepareEdit(hour) {
  const { tables, hours } = hour.data;
  fill(byId("base"), tables.policies.map(({ id, title }) => [id, title]), hour.draft.base);
  byId("base").addEventListener("change", (event) => {
    hour.state.draft = draftOf(hour.policy(event.target.value));
    changed(hour);
    drawEdit(hour);
  });
  byId("reset").addEventListener("click", () => {
    hour.state.draft = draftOf(hour.base);
    changed(hour);
    drawEdit(hour);
    announce("All changes are undone.");
  });
  byId("add-clause").addEventListener("click", () => {
    hour.draft.clauses.push(ownClause());
    changed(hour);
    drawEdit(hour);
    byId("clauses").lastElementChild.querySelector("select").focus();
  });
  fill(byId("hours"), [["", "the law does not say (48)"], ...hours.map((each) => [String(each), `${each} hours at most`])], "");
  fill(byId("clock"), CLOCK_WORDS, "");
  byId("hours").addEventListener("change", (event) => {
    hour.draft.hours = event.target.value ? Number(event.target.value) : null;
    changed(hour);
  });
  byId("clock").addEventListener("change", (event) => {
    hour.draft.clock = event.target.value || null;
    changed(hour);
  });
}

function changed(hour) {
  hour.save();
  drawPreview(hour);
}

/** The clauses of the draft, with their controls. */
export function drawEdit(hour) {
  const { base, draft } = hour;
  byId("base").value = draft.base;
  byId("base-note").textContent = `${base.source}. ${base.from}${base.until ? ` to ${base.until}` : ""}; ${base.status}; checked against: ${base.verified}. Simplified.`;
  byId("hours").value = String(draft.hours ?? "");
  byId("clock").value = draft.clock ?? "";
  byId("clauses").replaceChildren(...draft.clauses.map((clause, place) => clauseCard(hour, clause, place)));
  drawPreview(hour);
}

function headingOf(hour, clause, place) {
  if (clause.place === OWN) {
    const before = hour.draft.clauses.slice(0, place + 1).filter((each) => each.place === OWN);
    return { title: `Our own clause ${before.length}`, text: "Say when it applies, and what it answers." };
  }
  const was = clauseOf(hour.base, clause);
  return { title: clause.place === CLOSING ? `Otherwise, ${was.id}` : was.id, text: was.text };
}

function clauseCard(hour, clause, place) {
  const { title, text } = headingOf(hour, clause, place);
  const card = el("section", { class: "card clause", "aria-label": `Clause ${title}` });
  const redraw = () => card.replaceWith(clauseCard(hour, clause, place));
  const touched = () => {
    changed(hour);
    mark();
  };
  const badge = el("span", { class: "tag" });
  const mark = () => {
    const isOther = isChanged(hour.base, clause);
    card.classList.toggle("is-changed", isOther);
    card.classList.toggle("is-struck", clause.struck);
    badge.textContent = clause.struck ? "struck" : clause.place === OWN ? "ours" : isOther ? "changed" : "";
  };
  const strike = el("button", {
    type: "button",
    class: "link",
    text: clause.place === OWN ? "Delete" : clause.struck ? "Put back" : "Strike",
    onclick: () => {
      if (clause.place === OWN) {
        hour.draft.clauses.splice(hour.draft.clauses.indexOf(clause), 1);
        changed(hour);
        drawEdit(hour);
        return;
      }
      clause.struck = !clause.struck;
      changed(hour);
      redraw();
    },
  });
  strike.setAttribute("aria-label", `${strike.textContent} clause ${title}`);
  card.append(el("h3", {}, title, badge, strike), el("p", { text }));
  if (!clause.struck) {
    if (clause.place !== CLOSING) {
      card.append(conditionEditor(hour, clause, "when", `${place}`, "It applies when", touched, redraw));
      if (clause.unless.length > 0) card.append(conditionEditor(hour, clause, "unless", `${place}`, "But not when", touched, redraw));
    }
    card.append(answersEditor(hour, clause, place, touched));
  }
  mark();
  return card;
}

function answersEditor(hour, clause, place, touched) {
  const { tables, lever_words: words } = hour.data;
  const options = [["", "says nothing here"], ...tables.answers.map((answer) => [answer, spoken(answer)])];
  const control = (lever) =>
    choice(`answer-${place}-${lever}`, sentence(words[lever]), options, clause.then[lever] ?? "", (answer) => {
      if (answer) clause.then[lever] = answer;
      else delete clause.then[lever];
      touched();
    });
  // What a clause is about stands in view; of a clause that says nothing yet, what changes something in this model.
  const isAbout = (lever) => Object.hasOwn(clause.then, lever) || (Object.keys(clause.then).length === 0 && LEVERS.includes(lever));
  const rest = tables.levers.filter((lever) => !isAbout(lever));
  const more = el("details", {}, el("summary", { text: "Other answers" }), el("div", { class: "answers" }, ...rest.map(control)));
  return el(
    "div",
    { role: "group", "aria-label": "What it answers" },
    el("div", { class: "answers" }, ...tables.levers.filter(isAbout).map(control)),
    rest.length > 0 ? more : null,
  );
}

function conditionEditor(hour, clause, part, key, title, touched, redraw) {
  const again = () => {
    touched();
    redraw();
  };
  // One of several alternatives that asks for nothing would make the others idle; and so would an exception without one.
  const dropEmpty = () => {
    const asking = clause[part].filter((tests) => tests.length > 0);
    if (asking.length > 0 || part === "unless") clause[part] = asking;
  };
  const alternatives = clause[part].map((tests, place) => {
    const name = `${key}-${part}-${place}`;
    const add = el("button", {
      type: "button", class: "link", text: tests.length > 0 ? "and also …" : "only if …",
      onclick: () => {
        tests.push(testsOf(hour.data.tables, "charge")[0]);
        again();
      },
    });
    const rows = tests.map((test, at) => testEditor(hour, tests, at, `${name}-${at}`, touched, again, dropEmpty));
    const empty = tests.length === 0 ? [el("p", { class: "soft", text: "always" })] : [];
    return el("div", { class: "alternative" }, place > 0 ? el("p", { class: "soft", text: "or when" }) : null, ...empty, ...rows, add);
  });
  const or = el("button", {
    type: "button", class: "link", text: "or when …",
    onclick: () => {
      clause[part].push([testsOf(hour.data.tables, "charge")[0]]);
      again();
    },
  });
  return el("div", { role: "group", "aria-label": title }, el("p", {}, el("strong", { text: title })), ...alternatives, or);
}

function testEditor(hour, tests, at, name, touched, again, dropEmpty) {
  const { tables } = hour.data;
  const test = tests[at];
  const facts = choosableFacts(tables);
  const names = facts.includes(test.fact) ? facts : [test.fact, ...facts];
  const own = testsOf(tables, test.fact);
  const given = own.findIndex((each) => JSON.stringify(each) === JSON.stringify(test));
  const options = given === -1 && !facts.includes(test.fact) ? [test] : given === -1 ? [test, ...own] : own;
  const fact = el("select", {
    id: `${name}-fact`, "aria-label": "Fact",
    onchange: (event) => {
      tests[at] = testsOf(tables, event.target.value)[0];
      again();
    },
  });
  fill(fact, names.map((each) => [each, sentence(spoken(each))]), test.fact);
  const words = el("select", {
    id: `${name}-words`, "aria-label": `${sentence(spoken(test.fact))}: which`,
    onchange: (event) => {
      tests[at] = options[Number(event.target.value)];
      touched();
    },
  });
  fill(words, options.map((each, place) => [String(place), each.words.replace("not never", "ever")]), String(given === -1 ? 0 : given));
  const drop = el("button", {
    type: "button", class: "link", text: "drop", "aria-label": `Drop the condition on ${spoken(test.fact)}`,
    onclick: () => {
      tests.splice(at, 1);
      dropEmpty();
      again();
    },
  });
  return el("div", { class: "test" }, fact, words, drop);
}

function drawPreview(hour) {
  const { cards, lever_words: words } = hour.data;
  const { base, ownLaw } = hour;
  let changes = 0;
  const rows = cards.map(({ label, facts }) => {
    const before = hour.answers(base, facts);
    const after = hour.answers(ownLaw, facts);
    const cells = LEVERS.map((lever) => {
      const isOther = before[lever].answer !== after[lever].answer;
      changes += isOther ? 1 : 0;
      const was = isOther ? el("small", { text: ` was ${spoken(before[lever].answer)}` }) : null;
      return el("td", { class: isOther ? "changed" : null }, word(after[lever].answer), was);
    });
    return el("tr", {}, el("th", { scope: "row", text: label }), ...cells);
  });
  const head = ["Case", ...LEVERS.map((lever) => sentence(words[lever]))];
  byId("preview").replaceChildren(
    el("p", { id: "preview-words", text: summaryOf(changes) }),
    wide(
      "Your law and the case cards",
      el("table", {}, el("thead", {}, el("tr", {}, ...head.map((text) => el("th", { scope: "col", text })))), el("tbody", {}, ...rows)),
    ),
  );
}

function summaryOf(changes) {
  if (changes === 0) return "No answer on the case cards differs from the law yet.";
  return changes === 1 ? "One answer on the case cards differs from the law." : `${changes} answers on the case cards differ from the law.`;
}

// Comparing

/** The choices of the step, once. */
export function prepareCompare(hour) {
  const others = hour.data.tables.policies.map(({ id, title }) => [id, title]);
  fill(byId("beside"), [["", "none"], ...others], "");
  byId("beside").addEventListener("change", () => drawCompare(hour));
}

function comparedLaws(hour) {
  const ids = [...hour.data.guess_laws, hour.draft.base, byId("beside").value].filter(Boolean);
  const laws = [...new Set(ids)].map((id) => ({ law: hour.policy(id), name: hour.policy(id).title, isOwn: false }));
  const isOther = isDraftChanged(hour.base, hour.draft);
  return isOther ? [{ law: hour.ownLaw, name: hour.ownLaw.title, isOwn: true }, ...laws] : laws;
}

function rowsOf(hour, yardstick, laws) {
  return laws.map(({ law, name, isOwn }) => ({ name, isOwn, value: hour.measure(yardstick, law) }));
}

function guessTable(hour, groups) {
  const answers = answersToGuesses(hour);
  const head = ["Of 100 …", "Simulated", ...groups.map(({ group }) => group)];
  const rows = hour.data.questions.map(({ words }, place) =>
    el(
      "tr",
      {},
      el("th", { scope: "row", text: words }),
      el("td", { class: "number" }, el("strong", { text: String(answers[place]) })),
      ...groups.map(({ guesses }) => el("td", { class: "number", text: String(guesses[place]) })),
    ),
  );
  return wide(
    "The guesses and the simulation",
    el(
      "table",
      {},
      el("thead", {}, el("tr", {}, ...head.map((text, place) => el("th", { scope: "col", class: place > 0 ? "number" : null, text })))),
      el("tbody", {}, ...rows),
    ),
  );
}

/** The group's yardsticks on the same people, and its guesses beside the simulation. */
export function drawCompare(hour) {
  const { data, state } = hour;
  byId("compare-locked").hidden = Boolean(state.seal);
  byId("compare-open").hidden = !state.seal;
  if (!state.seal) return;
  const laws = comparedLaws(hour);
  const { yardsticks } = data.population;
  const table = (yardstick, level) => yardstickTable(yardstick, rowsOf(hour, yardstick, laws), level);
  byId("yours").replaceChildren(...state.yardsticks.map((place) => table(yardsticks[place], "h2")));
  byId("others").replaceChildren(...yardsticks.map((yardstick) => table(yardstick, "h3")));
  byId("guessed").replaceChildren(guessTable(hour, [{ group: state.group, guesses: state.guesses }]));
  const [start, end] = data.command.split(data.population.scenario);
  const named = laws.filter(({ isOwn }) => !isOwn).map(({ law }) => ` --policy ${law.id}`);
  byId("command").textContent = `${start}${data.population.scenario}${named.join("")}${end}`;
}

// Gathering

/** The buttons of the step, once. */
export function prepareGather(hour) {
  byId("copy").addEventListener("click", () => copyCode());
  byId("gather-button").addEventListener("click", () => gather(hour));
  byId("files").addEventListener("change", async (event) => {
    const texts = await Promise.all([...event.target.files].slice(0, MOST_GROUPS).map((file) => file.slice(0, 10_000).text()));
    byId("codes").value = [byId("codes").value, ...texts].map((text) => text.trim()).filter(Boolean).join("\n");
    await gather(hour);
  });
}

async function copyCode() {
  const field = byId("code");
  try {
    await navigator.clipboard.writeText(field.value);
    announce("Copied.");
    byId("copy").textContent = "Copied";
  } catch {
    // A page opened as a file may not always write to the clipboard; chosen text can be copied by hand.
    field.focus();
    field.select();
    announce("Chosen: copy it by hand.");
  }
}

/** The group's own code, once its guess is sealed. */
export function drawGather(hour) {
  const { state } = hour;
  byId("code-locked").hidden = Boolean(state.seal);
  byId("code-open").hidden = !state.seal;
  if (!state.seal) return;
  const code = codeOf(hour.data, { ...state, draft: hour.draft });
  byId("code").value = code;
  byId("save").href = `data:text/plain;charset=utf-8,${encodeURIComponent(code)}`;
  byId("save").download = `${cleanName(state.group).replaceAll(" ", "-").toLowerCase()}.txt`;
}

function readAll(hour, lines) {
  const groups = [];
  const problems = [];
  for (const [place, line] of lines.entries()) {
    try {
      const read = readCode(hour.data, line);
      if (groups.some(({ group }) => group === read.group)) throw new BadCode(`There is a group '${read.group}' already.`);
      groups.push(read);
    } catch (problem) {
      if (!(problem instanceof BadCode)) throw problem;
      problems.push(`Line ${place + 1}: ${problem.message}`);
    }
  }
  return { groups, problems };
}

/** Reads the codes that were pasted, and shows all groups on the same people. */
export async function gather(hour) {
  const lines = byId("codes").value.split("\n").map((line) => line.trim()).filter(Boolean);
  const { groups, problems } = readAll(hour, lines.slice(0, MOST_GROUPS));
  if (lines.length > MOST_GROUPS) problems.push(`Only the first ${MOST_GROUPS} groups are shown.`);
  byId("gather-alert").hidden = problems.length === 0;
  byId("gather-problems").replaceChildren(...problems.map((text) => el("li", { text })));
  const seals = await Promise.all(groups.map((each) => sealOf({ people: hour.data.id, ...each })));
  hour.gathering = groups.map((each, place) => ({ ...each, seal: seals[place] }));
  drawGathered(hour);
  announce(groups.length === 1 ? "One group gathered." : `${groups.length} groups gathered.`);
}

function verdictOf(typed, seal) {
  if (typed === "") return { kind: "", text: "not checked yet" };
  return plainSeal(typed) === plainSeal(seal)
    ? { kind: "fits", text: "✓ fits: this is the guess that was sealed" }
    : { kind: "differs", text: "✗ differs: this is not what was sealed" };
}

function sealRow(hour, { group, seal, draft }, place) {
  const verdict = el("td", {});
  const show = (typed) => {
    const { kind, text } = verdictOf(typed, seal);
    verdict.replaceChildren(el("span", { class: `verdict ${kind}`, text }));
  };
  show("");
  const base = hour.policy(draft.base);
  const count = draft.clauses.filter((clause) => isChanged(base, clause)).length;
  const field = el("input", {
    id: `board-${place}`, size: 12, maxlength: 14, autocomplete: "off", spellcheck: "false",
    "aria-label": `Seal of ${group} on the board`, oninput: (event) => show(event.target.value.trim()),
  });
  return el(
    "tr",
    {},
    el("th", { scope: "row", text: group }),
    el("td", { text: `${base.title}; ${count === 1 ? "1 clause" : `${count} clauses`} changed` }),
    el("td", {}, field),
    verdict,
  );
}

function drawGathered(hour) {
  const { data, gathering } = hour;
  if (gathering.length === 0) {
    byId("gathered").replaceChildren();
    return;
  }
  const laws = gathering.map(({ group, draft }) => {
    const base = hour.policy(draft.base);
    return { law: lawOf(base, draft, hour.ownTitle(group, base)), name: group, isOwn: false };
  });
  const references = data.guess_laws.map((id) => ({ law: hour.policy(id), name: hour.policy(id).title, isOwn: true }));
  const chosen = data.population.yardsticks
    .map((yardstick, place) => ({ yardstick, by: gathering.filter(({ yardsticks }) => yardsticks.includes(place)) }))
    .filter(({ by }) => by.length > 0);
  const head = ["Group", "Its law", "Seal on the board", "Check"];
  byId("gathered").replaceChildren(
    el("h2", { text: "The seals" }),
    wide(
      "The seals",
      el("table", {}, el("thead", {}, el("tr", {}, ...head.map((text) => el("th", { scope: "col", text })))), el("tbody", {}, ...gathering.map((each, place) => sealRow(hour, each, place)))),
    ),
    el("h2", { text: "The guesses" }),
    guessTable(hour, gathering),
    el("h2", { text: "The laws, by every yardstick that a group chose" }),
    el("p", { class: "soft", text: "All on the same people. Laws A and B stand below, for comparison." }),
    ...chosen.map(({ yardstick, by }) => {
      const section = yardstickTable(yardstick, rowsOf(hour, yardstick, [...laws, ...references]), "h3");
      section.append(el("p", { class: "soft", text: `Chosen by ${by.map(({ group }) => group).join(", ")}. ${inNumbersNote(yardstick)}` }));
      return section;
    }),
  );
}

function inNumbersNote({ unit }) {
  return unit === "hours" ? "In hours." : "Number of people or times; the range is from never to always using what a law permits.";
}
