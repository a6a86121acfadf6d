// Runs what the page for the phones is made of, without a page: reads {data, tasks} and writes what each task comes to.
import { argv, stdin, stdout } from "node:process";
import { pathToFileURL } from "node:url";

const page = await import(pathToFileURL(argv[2]));
const { data, tasks } = JSON.parse(Buffer.concat(await stdin.toArray()).toString("utf8"));
const policy = (id) => data.tables.policies.find((each) => each.id === id);

function measured(law) {
  const facts = page.factsOf(data.population);
  const said = page.answersUnder(law, facts, (known) => page.decide(data.tables, law, known).levers);
  const counted = page.countUnder(data.population, said, law);
  return Object.fromEntries(data.population.yardsticks.map((each) => [each.measure, page.measured(each, counted)]));
}

// Always the same edits, and as wild as the controls allow.
function* edits(seed) {
  let state = seed;
  const below = (size) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * size);
  };
  const among = (list) => list[below(list.length)];
  const facts = page.choosableFacts(data.tables);
  const test = () => among(page.testsOf(data.tables, among(facts)));
  const answer = (clause) => {
    clause.then[among(data.tables.levers)] = among(data.tables.answers);
  };
  for (const law of data.tables.policies) {
    const draft = page.draftOf(law);
    draft.clauses.push(page.ownClause(), page.ownClause());
    for (const clause of draft.clauses) {
      if (below(4) === 0) clause.struck = clause.place >= 0;
      if (below(2) === 0) answer(clause);
      if (below(3) === 0 && clause.place !== page.CLOSING) clause.when.push([test(), test()]);
      if (below(4) === 0 && clause.place !== page.CLOSING) clause.when[0].length = 0;
      if (below(5) === 0 && clause.place !== page.CLOSING) clause.unless.push([test()]);
    }
    draft.hours = among([null, ...data.hours]);
    draft.clock = among([null, "straight"]);
    yield { law, draft };
  }
}

// Which lever was answered first makes no difference to a law.
function inOrder(_, value) {
  const isRecord = value !== null && typeof value === "object" && !Array.isArray(value);
  return isRecord ? Object.fromEntries(Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1))) : value;
}

const told = { group: "Owls", guesses: data?.questions?.map((_, place) => place * 10), yardsticks: [0, 3, 7], nonce: "0123456789abcdef" };

const TASKS = {
  measure: ({ law }) => measured(typeof law === "string" ? policy(law) : law),
  digest: ({ text }) => [page.sha256ByHand(new TextEncoder().encode(text))],
  seal: ({ sealed }) => page.sealOf(sealed),
  edited: ({ seed }) => {
    const facts = [...data.cards.map((card) => card.facts), ...page.factsOf(data.population)];
    let decided = 0;
    for (const { law, draft } of edits(seed)) {
      const own = page.lawOf(law, draft, "own");
      for (const known of facts) decided += page.decide(data.tables, own, known) ? 1 : 0;
    }
    return decided;
  },
  codes: ({ seed }) => {
    const codes = [];
    for (const { law, draft } of edits(seed)) {
      const code = page.codeOf(data, { ...told, draft });
      const read = page.readCode(data, code);
      const laws = [draft, read.draft].map((each) => JSON.stringify(page.lawOf(law, each, "own"), inOrder));
      if (laws[0] !== laws[1]) throw new Error(`${law.id} is not what it was`);
      codes.push(code);
    }
    return codes;
  },
  refusal: ({ code, told: other }) => {
    const line = code ?? page.codeOf(data, { ...told, draft: page.draftOf(policy(data.guess_laws[0])), ...other });
    try {
      return `read: ${page.readCode(data, line).group}`;
    } catch (problem) {
      return problem instanceof page.BadCode ? problem.message : `failed: ${problem}`;
    }
  },
  overruled: () => {
    const law = policy("us-ca-trust-act-2014");
    const draft = page.draftOf(law);
    const clause = page.ownClause();
    clause.when = [[page.testsOf(data.tables, "juvenile")[0]]];
    clause.then.hold = "must_not";
    draft.clauses.push(clause);
    const answer = (each, facts) => page.decide(data.tables, each, facts).levers.hold.answer;
    const child = { juvenile: true, years_since_serious_felony: 1 };
    return [answer(law, child), answer(page.lawOf(law, draft, "own"), child)];
  },
};

const answers = [];
for (const task of tasks) answers.push(await TASKS[task.do](task));
stdout.write(JSON.stringify(answers));
