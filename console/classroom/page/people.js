/* The same people under a law, worked out here. What a law cannot change came with the page: who was matched, for whom
   ICE lodged a detainer, for whom it would come. This is the rest of it: what the jail does, and what follows. It says
   case by case what `sandbox/lab/custody.py` says in columns, and comes to the same numbers. */

/** The levers that change what happens to somebody here; the others are answers only. */
export const LEVERS = ["notify", "hold", "transfer"];
const [NOTIFY, HOLD] = [0, 1];
const HOUR = 3600;
const TOLD = 1;
const UNTOLD = 2;

/** How often the jail uses what it may: not at all, as often as the scenario has it, always. */
export const VARIANTS = ["never", "dot", "always"];

/**
 * The facts of each combination, as `decide` takes them. What nobody knows is left out.
 * @param {object} population the `population` of the page's data
 * @returns {object[]}
 */
export function factsOf(population) {
  const { count, columns, facts } = population.sets;
  return Array.from({ length: count }, (_, which) => {
    const told = {};
    for (const [name, { column, values }] of Object.entries(facts)) {
      const value = values[column === null ? 0 : columns[column][which]];
      if (value !== null) told[name] = value;
    }
    return told;
  });
}

/**
 * What a law answers about each combination of facts; it is asked once about those that it cannot tell apart.
 * @param {{reads: string[]}} law
 * @param {object[]} facts what `factsOf` told
 * @param {(facts: object) => object} answer what the law answers, by lever
 * @returns {string[][]} for each combination, the answers on `LEVERS`
 */
export function answersUnder(law, facts, answer) {
  const known = new Map();
  return facts.map((each) => {
    const key = JSON.stringify(law.reads.map((name) => each[name] ?? null));
    if (!known.has(key)) {
      const levers = answer(each);
      known.set(key, LEVERS.map((lever) => levers[lever].answer));
    }
    return known.get(key);
  });
}

/** Whether the jail does what a lever is about. */
function does(word, lever, variant, usesIt, silence) {
  if (word === "must") return true;
  if (word === "must_not") return false;
  if (word === "silent") return silence[LEVERS[lever]];
  return variant === "dot" ? usesIt : variant === "always";
}

/** A number rounded as Python rounds it: what lies exactly between two goes to the even one. */
function rounded(value, digits) {
  const shifted = value * 10 ** (digits + 1);
  const isBetween = (value * 2 ** (digits + 1)) % 1 === 0 && shifted % 10 === 5;
  if (!isBetween) return Number(value.toFixed(digits));
  const below = (shifted - 5) / 10;
  return (below + (below % 2)) / 10 ** digits;
}

/** What the jail does at each stage of a case: `[notify, hold, transfer]`, null where the stage is not reached. */
function conduct(population, answers, who, variant) {
  const { asked, uses } = population.cases;
  return asked.map((stage) => {
    const words = answers[stage[who]];
    return words && words.map((word, lever) => does(word, lever, variant, (uses[who] >> lever) & 1, population.silence));
  });
}

/** The stage that is first in time among some; `undefined` if there are none. Of several at one moment the first. */
function first(stages, before, who) {
  return stages.reduce((best, stage) => (best === undefined || before[stage][who] > before[best][who] ? stage : best), undefined);
}

/** When ICE means to come, in seconds after the release; null if it does not. */
function claimOf(population, who, done, tells) {
  const { before, comes, way, close_after: closes } = population.cases;
  const stage = first(tells, before, who);
  const isTold = stage !== undefined;
  if (comes[who] & UNTOLD && !(isTold && -before[stage][who] < closes[who])) return closes[who] + population.morning;
  if (!(comes[who] & TOLD && isTold)) return null;
  return Math.max(done[stage][HOLD] ? way[who] : 0, -before[stage][who]);
}

/** When a hold would end at the latest, in seconds after the release. */
function limitOf(population, who, law) {
  const hours = law.max_hold_hours ?? population.regulation_hours;
  return law.clock === "straight" ? hours * HOUR : population.deadlines[hours][who];
}

/** What becomes of one case, and what is counted of it. */
function ending(population, who, done, law) {
  const last = done.length - 1;
  const [, holds, takes] = done[last];
  const tells = [...done.keys()].filter((stage) => (stage === last ? holds : done[stage]?.[NOTIFY]));
  const claim = claimOf(population, who, done, tells);
  const atRelease = claim !== null && claim <= 0 && takes;
  const isHeld = holds && !atRelease;
  const limit = isHeld ? limitOf(population, who, law) : 0;
  const fromHold = isHeld && claim !== null && claim <= limit && takes;
  const transferred = atRelease || fromHold;
  return {
    held: isHeld,
    notified: tells.length > 0,
    transferred,
    removed: transferred && population.cases.removed[who] === 1,
    declined: !transferred && !(holds && takes),
    wanted: !transferred && (population.cases.comes[who] & TOLD) > 0,
    disclosed: tells.length + transferred,
    hold_hours: isHeld ? rounded((fromHold ? Math.max(claim, 0) : limit) / HOUR, 2) : 0,
  };
}

/**
 * What comes of a law, counted by profile, for each variant.
 * @param {object} population the `population` of the page's data
 * @param {string[][]} answers for each combination of facts, the answers on notify, hold and transfer
 * @param {{max_hold_hours: number|null, clock: string|null}} law
 * @returns {Object<string, Object<string, number[]>>} by variant and event, `[profile]`
 */
export function countUnder(population, answers, law) {
  const { profile } = population.cases;
  const size = Math.max(...profile) + 1;
  return Object.fromEntries(
    VARIANTS.map((variant) => {
      const counts = {};
      for (let who = 0; who < profile.length; who += 1) {
        const end = ending(population, who, conduct(population, answers, who, variant), law);
        for (const [event, value] of Object.entries(end)) {
          counts[event] ??= new Array(size).fill(0);
          counts[event][profile[who]] += Number(value);
        }
      }
      return [variant, counts];
    }),
  );
}

/**
 * The value of a yardstick, as a range and a dot.
 * @param {object} yardstick one of the page's data
 * @param {object} counted what `countUnder` told
 * @returns {{never: number, dot: number, always: number}}
 */
export function measured(yardstick, counted) {
  return Object.fromEntries(
    VARIANTS.map((variant) => {
      const column = counted[variant][yardstick.event];
      const chosen = yardstick.profiles ?? column.keys();
      let sum = 0;
      for (const place of chosen) sum += column[place] ?? 0;
      return [variant, yardstick.unit === "hours" ? rounded(rounded(sum, 2), 1) : sum];
    }),
  );
}
