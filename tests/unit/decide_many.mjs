// Reads {tables, asked: [{policy, facts} | {place, day, facts}]} and writes what decide.js answers to each, as JSON.
import { readFileSync } from "node:fs";
import { argv, stdin, stdout } from "node:process";

// By its name alone node could not tell that it is a module; a browser is told so by the page.
const source = readFileSync(argv[2]).toString("base64");
const { decide, decideAt } = await import(`data:text/javascript;base64,${source}`);
const { tables, asked } = JSON.parse(Buffer.concat(await stdin.toArray()).toString("utf8"));
const policies = new Map(tables.policies.map((policy) => [policy.id, policy]));

// Ids are enough to compare, and leave out the clauses' texts thousands of times over.
function short({ levers, ...rest }) {
  const ids = Object.entries(levers).map(([lever, { answer, clauses, set_aside: setAside }]) => {
    return [lever, [answer, clauses.map(({ id }) => id), setAside.map(({ id, by }) => [id, by])]];
  });
  return { ...rest, levers: Object.fromEntries(ids) };
}

function shortStack({ layers, ...rest }) {
  return { ...rest, layers: layers.map(({ policy }) => policy) };
}

function answer({ policy, place, day, facts }) {
  try {
    return policy ? short(decide(tables, policies.get(policy), facts)) : shortStack(decideAt(tables, place, day, facts));
  } catch (refusal) {
    return { refused: refusal.code ?? String(refusal) };
  }
}

stdout.write(JSON.stringify(asked.map(answer)));
