/* A group's own law: a real one, with what the group has changed about it. Its own clauses prevail, the earlier over the
   later; then what it has changed; then the rest. So a changed law cannot contradict itself. */

const YEARS = [1, 2, 3, 5, 10, 15, 20];
const WORDS_OF = { yes_no: { true: "yes", false: "no" } };
const LONGEST_LIST = 30;

/** The clause that answers where no other speaks stands at this place in a draft. */
export const CLOSING = -2;

/** A clause that the group wrote itself. */
export const OWN = -1;

const inWords = (value) => String(value).replaceAll("_", " ");

/**
 * The tests that a group can choose for a fact, in a fixed order.
 * @param {object} tables the decision tables
 * @param {string} name the fact
 * @returns {{fact: string, words: string, in: Array}[]}
 */
export function testsOf(tables, name) {
  const fact = tables.facts[name];
  const test = (words, values) => ({ fact: name, words, in: values });
  if (fact.kind === "yes_no") return [true, false].map((value) => test(WORDS_OF.yes_no[value], [value]));
  if (fact.kind === "number") {
    const bounds = YEARS.filter((bound) => fact.from < bound && bound < fact.to);
    return [
      ...(fact.never ? [test("not never", [[fact.from, fact.to]]), test("never", ["never"])] : []),
      ...bounds.map((bound) => test(`at most ${bound}`, [[fact.from, bound]])),
      ...bounds.map((bound) => test(`more than ${bound}`, [[bound + 1, fact.to]])),
    ];
  }
  const exact = fact.values.map((value) => test(inWords(value), [value]));
  if (fact.kind !== "ordered") return exact;
  const inner = fact.values.slice(1, -1);
  return [
    ...exact,
    ...inner.map((value) => test(`at least ${inWords(value)}`, fact.values.slice(fact.values.indexOf(value)))),
    ...inner.map((value) => test(`at most ${inWords(value)}`, fact.values.slice(0, fact.values.indexOf(value) + 1))),
  ];
}

/** The facts that a group can choose: those whose tests fit into a list. */
export function choosableFacts(tables) {
  return Object.keys(tables.facts).filter((name) => testsOf(tables, name).length <= LONGEST_LIST);
}

const copied = (value) => JSON.parse(JSON.stringify(value));

/**
 * A draft of a law in which nothing is changed yet.
 * @param {object} policy one of the decision tables' policies
 */
export function draftOf(policy) {
  const clauses = [...policy.clauses.entries()].map(([place, clause]) => ({
    place,
    when: copied(clause.when),
    unless: copied(clause.unless),
    then: { ...clause.then },
    struck: false,
  }));
  if (policy.otherwise) {
    clauses.push({ place: CLOSING, when: [[]], unless: [], then: { ...policy.otherwise.then }, struck: false });
  }
  return { base: policy.id, hours: policy.max_hold_hours, clock: policy.clock, clauses };
}

/** A new clause of the group's own, which says nothing yet. */
export function ownClause() {
  return { place: OWN, when: [[]], unless: [], then: {}, struck: false };
}

/** The clause of the base law that a clause of a draft comes from. */
export function clauseOf(policy, { place }) {
  return place === CLOSING ? policy.otherwise : policy.clauses[place];
}

/** Whether a clause of a draft says something else than the law did. */
export function isChanged(policy, clause) {
  if (clause.place === OWN || clause.struck) return true;
  const was = clauseOf(policy, clause);
  const said = ({ when, unless, then }) => JSON.stringify([when, unless, sortedEntries(then)]);
  return said(clause) !== said(was);
}

function sortedEntries(object) {
  return Object.entries(object).sort(([one], [other]) => (one < other ? -1 : 1));
}

/** Whether anything at all is changed. */
export function isDraftChanged(policy, draft) {
  return (
    draft.hours !== policy.max_hold_hours ||
    draft.clock !== policy.clock ||
    draft.clauses.some((clause) => isChanged(policy, clause))
  );
}

/** Whether one clause stands before another, over any number of steps. */
function reaches(above, from, to, seen = new Set()) {
  if (from === to) return true;
  if (seen.has(from)) return false;
  seen.add(from);
  return [...(above.get(from) ?? [])].some((next) => reaches(above, next, to, seen));
}

/** What each clause prevails over, without a circle: what the law says of it, and then each change over all the rest. */
function precedence(clauses, changed) {
  const ids = new Set(clauses.map(({ id }) => id));
  const above = new Map(clauses.map(({ id, notwithstanding }) => [id, new Set(notwithstanding.filter((over) => ids.has(over)))]));
  for (const { id } of changed) {
    for (const { id: other } of clauses) {
      if (other === id || above.get(id).has(other) || above.get(other).has(id)) continue;
      if (reaches(above, other, id)) above.get(other).add(id);
      else above.get(id).add(other);
    }
  }
  return above;
}

/**
 * The law that a draft makes, as `decide` takes it.
 * @param {object} policy the law that it is based on
 * @param {object} draft
 * @param {string} title what to call it
 */
export function lawOf(policy, draft, title) {
  let own = 0;
  const kept = draft.clauses.filter((clause) => !clause.struck && clause.place !== CLOSING);
  const clauses = kept.map((clause) => {
    const was = clause.place === OWN ? null : policy.clauses[clause.place];
    own += was ? 0 : 1;
    return {
      id: was?.id ?? `own ${own}`,
      text: was?.text ?? "A clause of the group's own",
      source: was?.source ?? "the group",
      tags: was?.tags ?? [],
      note: was?.note ?? "",
      when: clause.when,
      unless: clause.unless,
      then: clause.then,
      notwithstanding: was?.notwithstanding ?? [],
    };
  });
  const isOwn = (place) => kept[place].place === OWN;
  const changed = [
    ...clauses.filter((_, place) => isOwn(place)),
    ...clauses.filter((_, place) => !isOwn(place) && isChanged(policy, kept[place])),
  ];
  const above = precedence(clauses, changed);
  const closing = draft.clauses.find((clause) => clause.place === CLOSING && !clause.struck);
  return {
    ...policy,
    id: "own",
    title,
    max_hold_hours: draft.hours,
    clock: draft.clock,
    reads: [...new Set(clauses.flatMap(({ when, unless }) => [...when, ...unless].flat().map(({ fact }) => fact)))],
    clauses: clauses.map((clause) => ({ ...clause, notwithstanding: [...above.get(clause.id)] })),
    otherwise: closing ? { ...policy.otherwise, then: closing.then } : null,
  };
}
