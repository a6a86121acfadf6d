/* A group's sealed guess and law as one line of text, to be copied or sent. Read strictly: a code is data from
   somebody else, and whatever is not exactly as it would have been written is refused. */

import { sha256ByHand } from "./digest.js";
import { CLOSING, OWN, draftOf, isChanged, testsOf } from "./law.js";

const START = "IC1";
const LONGEST = 6000;
const CHECKED = 4;
const LONGEST_NAME = 30;
const MOST_CLAUSES = 40;
const MOST_TESTS = 12;
const CLOCKS = [null, "excluding_weekends_and_holidays", "straight"];
const FORM = new RegExp(`^${START}\\.([A-Za-z0-9_-]+)\\.([0-9a-f]{${CHECKED}})$`);

/** What is wrong with a code, as a sentence. */
export class BadCode extends Error {}

function check(holds, sentence) {
  if (!holds) throw new BadCode(sentence);
}

const MANGLED = "This is not a code of this page, or a part of it was lost on the way. Copy it again, whole.";

function sumOf(text) {
  return sha256ByHand(new TextEncoder().encode(text)).slice(0, CHECKED);
}

function packed(text) {
  const bytes = new TextEncoder().encode(text);
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

function unpacked(text) {
  const bytes = Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (letter) => letter.charCodeAt(0));
  return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
}

/** A group's name as it may be: a short line of letters, digits and the simplest signs. */
export function cleanName(typed) {
  return typed.replace(/[^\p{L}\p{N} .,'&+-]/gu, "").replace(/\s+/g, " ").trim().slice(0, LONGEST_NAME).trim();
}

/** The tests of the law itself, in order: a code names one by its place. */
function testsInLaw(policy) {
  return policy.clauses.flatMap(({ when, unless }) => [...when, ...unless].flat());
}

const isSame = (one, other) => JSON.stringify(one) === JSON.stringify(other);

function testCode(tables, policy, test) {
  const fact = Object.keys(tables.facts).indexOf(test.fact);
  const option = testsOf(tables, test.fact).findIndex((each) => isSame(each, test));
  return option === -1 ? testsInLaw(policy).findIndex((each) => isSame(each, test)) : [fact, option];
}

function answersCode(tables, then) {
  return tables.levers.map((lever) => (Object.hasOwn(then, lever) ? tables.answers.indexOf(then[lever]) : "-")).join("");
}

function clauseCode(tables, policy, clause) {
  if (clause.struck) return [clause.place];
  const conditions = [clause.when, clause.unless].map((part) =>
    part.map((tests) => tests.map((test) => testCode(tables, policy, test))),
  );
  return [clause.place, answersCode(tables, clause.then), ...conditions];
}

/**
 * The code of a group.
 * @param {object} data the page's data
 * @param {{group: string, guesses: number[], yardsticks: number[], nonce: string, draft: object}} shared
 */
export function codeOf(data, { group, guesses, yardsticks, nonce, draft }) {
  const { tables } = data;
  const place = tables.policies.findIndex(({ id }) => id === draft.base);
  const policy = tables.policies[place];
  const changes = draft.clauses
    .filter((clause) => isChanged(policy, clause))
    .map((clause) => clauseCode(tables, policy, clause));
  const hours = draft.hours ?? 0;
  const told = [data.id, group, guesses, yardsticks, nonce, place, hours, CLOCKS.indexOf(draft.clock), changes];
  const body = packed(JSON.stringify(told));
  return `${START}.${body}.${sumOf(body)}`;
}

const isPlace = (value, size) => Number.isInteger(value) && value >= 0 && value < size;
const isList = (value, most) => Array.isArray(value) && value.length <= most;

function readTest(tables, policy, code) {
  if (Array.isArray(code)) {
    const names = Object.keys(tables.facts);
    check(code.length === 2 && isPlace(code[0], names.length), MANGLED);
    const options = testsOf(tables, names[code[0]]);
    check(isPlace(code[1], options.length), MANGLED);
    return options[code[1]];
  }
  const own = testsInLaw(policy);
  check(isPlace(code, own.length), MANGLED);
  return own[code];
}

function readCondition(tables, policy, part) {
  check(isList(part, MOST_TESTS), MANGLED);
  return part.map((tests) => {
    check(isList(tests, MOST_TESTS), MANGLED);
    return tests.map((test) => readTest(tables, policy, test));
  });
}

function readAnswers(tables, text) {
  check(typeof text === "string" && text.length === tables.levers.length, MANGLED);
  const said = tables.levers.map((lever, place) => [lever, text[place]]).filter(([, letter]) => letter !== "-");
  check(said.every(([, letter]) => /^\d$/.test(letter) && isPlace(Number(letter), tables.answers.length)), MANGLED);
  return Object.fromEntries(said.map(([lever, letter]) => [lever, tables.answers[Number(letter)]]));
}

function readClause(tables, policy, draft, code) {
  check(isList(code, 4) && (code.length === 1 || code.length === 4), MANGLED);
  const [place, answers, when, unless] = code;
  const there = draft.clauses.find((clause) => clause.place === place && place !== OWN);
  check(there !== undefined || place === OWN, MANGLED);
  const clause = there ?? { place: OWN, struck: false };
  if (code.length === 1) {
    check(place !== OWN, MANGLED);
    clause.struck = true;
  } else {
    clause.then = readAnswers(tables, answers);
    clause.when = readCondition(tables, policy, when);
    clause.unless = readCondition(tables, policy, unless);
    check(place !== CLOSING || (isSame(clause.when, [[]]) && clause.unless.length === 0), MANGLED);
  }
  if (!there) draft.clauses.push(clause);
}

function parsed(line) {
  const found = line.length <= LONGEST && FORM.exec(line);
  check(found, MANGLED);
  check(sumOf(found[1]) === found[2], MANGLED);
  try {
    return JSON.parse(unpacked(found[1]));
  } catch {
    throw new BadCode(MANGLED);
  }
}

/**
 * What a code says. Throws a BadCode with a sentence.
 * @param {object} data the page's data
 * @param {string} line the code
 */
export function readCode(data, line) {
  const told = parsed(line.trim());
  check(isList(told, 9) && told.length === 9, MANGLED);
  const [people, group, guesses, yardsticks, nonce, place, hours, clock, changes] = told;
  check(people === data.id, "This code comes from a page about other people or laws. Use one class.html for the whole class.");
  check(typeof group === "string" && group !== "" && cleanName(group) === group, MANGLED);
  check(isList(guesses, data.questions.length) && guesses.length === data.questions.length, MANGLED);
  check(guesses.every((guess) => isPlace(guess, 101)), MANGLED);
  const most = data.population.yardsticks.length;
  check(isList(yardsticks, data.chosen) && new Set(yardsticks).size === data.chosen, MANGLED);
  check(yardsticks.every((each) => isPlace(each, most)), MANGLED);
  check(typeof nonce === "string" && /^[0-9a-f]{16}$/.test(nonce), MANGLED);
  check(isPlace(place, data.tables.policies.length) && (hours === 0 || data.hours.includes(hours)), MANGLED);
  check(isPlace(clock, CLOCKS.length) && isList(changes, MOST_CLAUSES), MANGLED);
  const policy = data.tables.policies[place];
  const draft = { ...draftOf(policy), hours: hours || null, clock: CLOCKS[clock] };
  for (const change of changes) readClause(data.tables, policy, draft, change);
  const read = { group, guesses, yardsticks, nonce, draft };
  check(codeOf(data, read) === line.trim(), MANGLED);
  return read;
}
