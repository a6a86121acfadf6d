// One disclosure, checked from the record to the signatures under the root of the log, step by step.
// Everything that is checked is bytes, the reader's own copy: what is flipped in it is what the check sees.

import * as tlog from "./tlog.js";

const { Refused } = tlog;

/** The JSON that audit commits to: keys sorted, nothing between; of texts, whole numbers, lists and objects alone. */
export function canonical(value) {
  if (typeof value === "string" || Number.isSafeInteger(value)) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  if (value === null || typeof value !== "object") {
    throw new Refused("bad-disclosure", `a record holds texts and whole numbers, and not ${JSON.stringify(value)}`);
  }
  // The names of fields are ASCII, which JavaScript sorts as bytes.
  const names = Object.keys(value).sort();
  return `{${names.map((name) => `${JSON.stringify(name)}:${canonical(value[name])}`).join(",")}}`;
}

/** The reader's own copy of a disclosure as audit tells it, as bytes; `proof` is null while none is published. */
export function copyOf(told) {
  return {
    index: told.index,
    record: tlog.toBytes(canonical(told.record)),
    openingKey: tlog.fromHex(told.opening_key, "bad-disclosure", "the opening key"),
    entry: tlog.toBytes(told.entry),
    proof: told.proof === null ? null : tlog.toBytes(told.proof),
  };
}

/** What an entry of the log shows of a record, for the profile that it was written in. */
function entryOf(record, commit, isOfficial) {
  const quarter = Math.floor((Number(record.time?.slice(5, 7)) - 1) / 3) + 1;
  const shown = isOfficial
    ? { quarter: `${record.time?.slice(0, 4)}-Q${quarter}` }
    : {
        from: record.sender,
        to: record.recipient,
        what: String(record.categories).split(" ").filter(Boolean),
        month: record.time?.slice(0, 7),
        type: record.event_type,
      };
  return canonical({ v: 1, kind: "share", commit, ...shown });
}

/**
 * Checks a copy of a disclosure, believing nobody but `policy`. Every step is made, whatever the others found.
 * Returns steps: {name, state: "holds" | "fails" | "unchecked" | "waits", words, code, facts: [[name, value], ...]}.
 */
export async function checkDisclosure(copy, policy, { signatures = true } = {}) {
  const seen = { entry: null, proof: null, checkpoint: null };
  const steps = [
    await step("record", "the record opens the commitment", () => opens(copy, seen)),
    await step("entry", "the entry says what the record says", () => agrees(copy, seen)),
  ];
  if (copy.proof === null) {
    return [
      ...steps,
      { name: "proof", state: "waits", words: "not published yet: the witnesses have still to cosign", facts: [] },
    ];
  }
  steps.push(await step("inclusion", "the entry stands in the log", () => isIncluded(copy, seen)));
  return [...steps, ...(await checkSignatures(seen.checkpoint, policy, { signatures }))];
}

/** Checks that the log and enough witnesses have signed a checkpoint; null for one that could not be read. */
export async function checkSignatures(checkpoint, policy, { signatures = true } = {}) {
  const unread = () => {
    throw new Refused("bad-checkpoint", "the checkpoint in the proof cannot be read");
  };
  const byLog = () => (checkpoint ? isSignedByLog(checkpoint, policy) : unread());
  const byWitnesses = () => (checkpoint ? isCosigned(checkpoint, policy) : unread());
  if (!signatures && checkpoint) {
    const words = "not checked by this browser: it has no Ed25519 here";
    return ["log", "witnesses"].map((name) => ({ name, state: "unchecked", words, facts: [] }));
  }
  return [
    await step("log", "signed by the log", byLog),
    await step("witnesses", "cosigned by the witnesses", byWitnesses),
  ];
}

/** Checks an entry of which nobody can open the record any more: only where it stands, and who vouches for it. */
export async function checkEntry(entry, index, path, checkpoint, policy, { signatures = true } = {}) {
  const inclusion = await step("inclusion", "the entry stands in the log", () =>
    included(entry, index, path, checkpoint),
  );
  return [inclusion, ...(await checkSignatures(checkpoint, policy, { signatures }))];
}

/** A copy in which one bit of one byte is another; `part` is record, openingKey, entry or proof. */
export function flipped(copy, part, at) {
  const bytes = copy[part].slice();
  bytes[at] ^= 1;
  return { ...copy, [part]: bytes };
}

async function step(name, words, check) {
  try {
    return { name, state: "holds", code: null, ...(await check(words)) };
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    return { name, state: "fails", code: error.code, words: error.message, facts: error.facts ?? [] };
  }
}

function read(bytes, code, what) {
  try {
    const value = JSON.parse(tlog.toText(bytes, code, what));
    if (value !== null && typeof value === "object" && !Array.isArray(value)) return value;
  } catch (error) {
    if (error instanceof Refused) throw error;
  }
  throw new Refused(code, `${what} is no JSON object any more`);
}

async function opens(copy, seen) {
  const made = tlog.toHex(await tlog.hmac(copy.openingKey, copy.record));
  seen.commit = made;
  const entry = read(copy.entry, "entry-altered", "the entry");
  const facts = [
    ["HMAC-SHA-256 of the record under its opening key", made],
    ["commitment in the entry", String(entry.commit)],
  ];
  if (made !== entry.commit) {
    throw Object.assign(new Refused("record-altered", "the record is not the one that the entry was made for"), {
      facts,
    });
  }
  return { words: "the record opens the entry's commitment", facts };
}

async function agrees(copy, seen) {
  const record = read(copy.record, "record-altered", "the record");
  const shown = read(copy.entry, "entry-altered", "the entry");
  const made = entryOf(record, seen.commit, "quarter" in shown);
  const facts = [
    ["entry made of the record", made],
    ["entry in the log", tlog.toText(copy.entry, "entry-altered", "the entry")],
  ];
  if (made !== facts[1][1]) {
    throw Object.assign(new Refused("record-altered", "the entry says something else than the record makes"), {
      facts,
    });
  }
  return { words: "what the log shows to everybody is what the record says", facts };
}

async function isIncluded(copy, seen) {
  const proof = tlog.parseProof(copy.proof);
  seen.checkpoint = tlog.parseCheckpoint(proof.checkpoint);
  if (proof.index !== copy.index) {
    throw new Refused(
      "not-included",
      `the proof is of entry ${proof.index}, and the disclosure is entry ${copy.index}`,
    );
  }
  return included(copy.entry, proof.index, proof.path, seen.checkpoint);
}

async function included(entry, index, path, checkpoint) {
  const leaf = await tlog.leafHash(entry);
  const facts = [
    [`leaf ${index}: SHA-256 of 0 and the entry`, tlog.toHex(leaf)],
    ...path.map((hash, at) => [`neighbour ${at + 1} of ${path.length} on the way up`, tlog.toHex(hash)]),
    [`root of all ${checkpoint.size.toLocaleString("en")} entries`, tlog.toHex(checkpoint.root)],
  ];
  try {
    await tlog.verifyInclusion(leaf, index, checkpoint.size, path, checkpoint.root);
  } catch (error) {
    throw Object.assign(error, { facts });
  }
  const steps = path.length === 1 ? "one neighbour" : `${path.length} neighbours`;
  return { words: `entry ${index} leads to the root, past ${steps}`, facts };
}

async function isSignedByLog(checkpoint, policy) {
  await tlog.demandLog(checkpoint, policy);
  return { words: `the root is signed by the log, ${policy.log.name}`, facts: [["key of the log", policy.log.vkey]] };
}

async function isCosigned(checkpoint, policy) {
  const signed = await tlog.demandWitnesses(checkpoint, policy);
  const facts = signed.map(({ key, time }) => [`${key.name}, at ${new Date(time * 1000).toISOString()}`, key.vkey]);
  return { words: `cosigned by ${signed.length} of ${policy.witnesses.length} witnesses`, facts };
}
