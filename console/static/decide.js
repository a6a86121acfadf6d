// Decides cases by policies as data (console/tables.py), as services/chassis/policy/decide.py and stack.py do. Pure: it
// knows no page and asks nobody, so it runs in a browser, in one file without a network, and under node. The console
// itself decides nothing with it that a service could not be asked again.
//
//   const tables = ...;                                     // decision_tables() of console/tables.py
//   const policy = tables.policies.find(({ id }) => id === "us-ca-sb54-2018");
//   decide(tables, policy, { charge: "felony" }).levers.hold
//   // { answer: "must_not", clauses: [{ id: "7284.6(a)(1)(B)", text: ..., source: ..., note, tags }], set_aside: [] }

const MUST = "must";
const MAY = "may";
const MUST_NOT = "must_not";
const NEVER = "never";
const BOOLEANS = { yes: true, no: false };

/** A mistake in what was asked; `code` is the one that the services use, the message a sentence. */
class Refusal extends Error {
  constructor(code, sentence) {
    super(sentence);
    this.code = code;
  }
}

/** Whether a fact can have a value, in the value's one form: booleans for yes and no, numbers as numbers. */
function isValueOf(fact, value) {
  if (fact.kind !== "number") return fact.values.includes(value);
  if (value === NEVER) return fact.never;
  return Number.isInteger(value) && fact.from <= value && value <= fact.to;
}

/**
 * A case with every value in its one form, without the facts that nobody gave.
 * Throws a Refusal: `unknown-fact` or `unknown-value`.
 */
export function canonical(tables, facts) {
  const known = {};
  for (const [name, raw] of Object.entries(facts)) {
    const fact = Object.hasOwn(tables.facts, name) ? tables.facts[name] : null;
    if (!fact) throw new Refusal("unknown-fact", `unknown fact '${name}'.`);
    if (raw === null || raw === undefined) continue;
    const isWord = fact.kind === "yes_no" && Object.hasOwn(BOOLEANS, raw);
    const value = isWord && typeof raw === "string" ? BOOLEANS[raw] : raw;
    if (!isValueOf(fact, value)) throw new Refusal("unknown-value", `'${name}' cannot be '${raw}'.`);
    known[name] = value;
  }
  return known;
}

/** Whether a value is among those of a test, in which a pair of numbers is a range with both its ends. */
function isAmong(values, value) {
  return values.some((each) => (Array.isArray(each) ? each[0] <= value && value <= each[1] : each === value));
}

/** Whether one test passes: `in` lists the values that do, `not` those that do not. */
export function passes(test, value) {
  return test.in ? isAmong(test.in, value) : !isAmong(test.not, value);
}

/** Whether any one of the alternatives holds, in each of which every test must pass. */
export function holds(alternatives, facts) {
  return alternatives.some((tests) => tests.every((test) => passes(test, facts[test.fact])));
}

/** Which of the clauses that apply have a say on a lever: those that stand, and those that gave way, each to one. */
function hear(applying, lever) {
  const speaking = applying.filter((clause) => Object.hasOwn(clause.then, lever));
  const standing = [];
  const displaced = [];
  for (const clause of speaking) {
    const by = speaking.find((other) => other.notwithstanding.includes(clause.id));
    if (by) displaced.push({ clause, by });
    else standing.push(clause);
  }
  return { standing, displaced };
}

function quoted({ id, text, source, tags, note }) {
  return { id, text, source, tags, note };
}

/**
 * What one policy answers about one case, lever by lever, with the clauses that decide and those that give way.
 *
 * Returns {policy, levers: {lever: {answer, clauses, set_aside, otherwise}}, read, assumed}: `read` has each fact that the
 * policy reads with the value used, `assumed` the names of those that nobody gave; `otherwise` is true where no clause
 * spoke and the policy's closing words did.
 *
 * Throws a Refusal: `unknown-fact`, `unknown-value`; `policy-conflict` when two clauses disagree and neither stands
 * notwithstanding the other.
 */
export function decide(tables, policy, facts) {
  const known = canonical(tables, facts);
  const read = {};
  for (const name of policy.reads) read[name] = known[name] ?? tables.facts[name].missing;
  const assumed = policy.reads.filter((name) => known[name] === undefined);
  const applying = policy.clauses.filter((clause) => holds(clause.when, read) && !holds(clause.unless, read));
  const levers = {};
  for (const lever of tables.levers) levers[lever] = settleLever(tables, policy, applying, lever);
  return { policy: policy.id, levers, read, assumed };
}

function settleLever(tables, policy, applying, lever) {
  const { standing, displaced } = hear(applying, lever);
  const closing = policy.otherwise;
  const otherwise = standing.length === 0 && closing !== null && Object.hasOwn(closing.then, lever);
  const deciding = otherwise ? [closing] : standing;
  const disagreeing = deciding.find((clause) => clause.then[lever] !== deciding[0].then[lever]);
  if (disagreeing) {
    const pair = `${deciding[0].id} (${deciding[0].then[lever]}) and ${disagreeing.id} (${disagreeing.then[lever]})`;
    const mend = `Add 'notwithstanding: [${deciding[0].id}]' to the one that prevails, naming the other.`;
    throw new Refusal("policy-conflict", `in ${policy.id}, clauses ${pair} both answer '${lever}'. ${mend}`);
  }
  return {
    answer: deciding.length > 0 ? deciding[0].then[lever] : tables.unanswered,
    clauses: deciding.map(quoted),
    set_aside: displaced.map(({ clause, by }) => ({ ...quoted(clause), by: by.id })),
    otherwise,
  };
}

function isAtOrAbove(place, where) {
  return where === place || where.startsWith(`${place}-`);
}

function inForce(policy, day) {
  return policy.from <= day && (policy.until === null || day <= policy.until);
}

/** The enacted policies in force at a place and above it on a day ("2014-09-01"), superiors first. */
function layersAt(tables, place, day) {
  const rank = (policy) => {
    const authority = tables.authority.indexOf(policy.authority);
    return authority === -1 ? tables.authority.length : authority;
  };
  const depth = (policy) => policy.place.split("-").length;
  const inOrder = (one, other) =>
    rank(one) - rank(other) || depth(one) - depth(other) || (one.id < other.id ? -1 : Number(one.id > other.id));
  return tables.policies
    .filter((policy) => policy.status === "enacted" && isAtOrAbove(policy.place, place) && inForce(policy, day))
    .sort(inOrder);
}

/**
 * What the law of a place answers about one case on a day: its layers are heard from the top, the first `must` or
 * `must_not` binds, `may` leaves room for those below, silence passes down. A layer takes part if it binds whoever holds
 * the person (the fact `custodian`).
 *
 * Returns {place, day, custodian, layers, levers: {lever: {answer, by, displaced}}}: `layers` are decisions as of
 * `decide`, `by` the id of the layer that decided (null if all are silent), `displaced` the layers bound otherwise.
 */
export function decideAt(tables, place, day, facts) {
  const known = canonical(tables, facts);
  const custodian = known.custodian ?? tables.facts.custodian.missing;
  const layers = layersAt(tables, place, day)
    .filter((policy) => policy.binds.length === 0 || policy.binds.includes(custodian))
    .map((policy) => decide(tables, policy, known));
  const levers = {};
  for (const lever of tables.levers) levers[lever] = settleLayers(tables, layers, lever);
  return { place, day, custodian, layers, levers };
}

function settleLayers(tables, layers, lever) {
  const said = layers
    .map(({ policy, levers }) => ({ policy, answer: levers[lever].answer }))
    .filter(({ answer }) => answer !== tables.unanswered);
  const first = said.findIndex(({ answer }) => answer === MUST || answer === MUST_NOT);
  if (first === -1) {
    return said.length > 0
      ? { answer: MAY, by: said[0].policy, displaced: [] }
      : { answer: tables.unanswered, by: null, displaced: [] };
  }
  const { answer, policy } = said[first];
  return { answer, by: policy, displaced: said.slice(first + 1).filter((below) => below.answer !== answer) };
}
