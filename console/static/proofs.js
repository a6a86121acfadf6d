// What My ledger and The log share: the log's files over the console, whom this window believes, and verdicts as words.

import { checkSignatures } from "./disclosure.js";
import { make } from "./elements.js";
import { canCheckSignatures, openCheckpoint, parseCheckpoint, parsePolicy, Refused } from "./tlog.js";

const POLICY = "log-policy";
const MARKS = { holds: "✓", fails: "✗", waits: "…", unchecked: "–", gone: "–" };
const SPOKEN = { holds: "holds", fails: "fails", waits: "waits", unchecked: "not checked", gone: "gone" };

/** The bytes of one of the log's files, or of one tile of it, by its path below the log's prefix. */
export async function readFile(path) {
  let response;
  try {
    response = await fetch(`/log/${path}`, { headers: { Accept: "application/json" } });
  } catch {
    throw new Error("the console does not answer; is it still up?");
  }
  if (response.ok) return new Uint8Array(await response.arrayBuffer());
  const told = await response.json().catch(() => null);
  throw new Error(told?.error?.message ?? `the console answered ${response.status} for ${path}`);
}

/** Whom this window believes about the log: the keys that it saw first. */
export class Trust {
  /** Asks for the keys, and keeps those that were seen first. */
  static async begin() {
    const now = new TextDecoder().decode(await readFile("policy"));
    const kept = sessionStorage.getItem(POLICY);
    if (kept === null) sessionStorage.setItem(POLICY, now);
    const trust = new Trust();
    trust.text = kept ?? now;
    trust.changed = kept !== null && kept !== now;
    trust.policy = await parsePolicy(trust.text);
    trust.signatures = await canCheckSignatures();
    return trust;
  }

  /** Forgets the keys, and whatever else was kept of this log: a house that began anew has others. */
  static forget() {
    for (const name of [POLICY, "log-first"]) sessionStorage.removeItem(name);
  }

  /** A checkpoint that is believed; where this browser cannot check signatures, one that can only be read. */
  async open(raw) {
    if (this.signatures) return openCheckpoint(raw, this.policy);
    const checkpoint = parseCheckpoint(raw);
    if (checkpoint.origin !== this.policy.log.name)
      throw new Refused("wrong-log", "this is a checkpoint of another log");
    return { ...checkpoint, witnesses: [] };
  }

  /** The newest checkpoint, opened. */
  async newest() {
    return this.open(await readFile("checkpoint"));
  }

  /** The steps of the check of a checkpoint's signatures. */
  steps(checkpoint) {
    return checkSignatures(checkpoint, this.policy, { signatures: this.signatures });
  }
}

/** What cannot be checked here, and why; null where everything can. */
function limitsOf(trust) {
  if (trust.signatures) return null;
  if (!globalThis.isSecureContext) {
    return (
      "This page did not come over HTTPS or from localhost, so the browser gives it no Web Crypto. Hashes are computed by the" +
      " page's own code; the signatures under the root are not checked by this browser."
    );
  }
  return "This browser knows no Ed25519: hashes are checked, the signatures under the root are not.";
}

/** A sign and words for how something stands; the sign alone never says it. */
export function verdict(state, words) {
  return make("p", { class: `verdict ${state}` }, mark(state), make("span", { class: "words" }, words));
}

export function mark(state) {
  const hidden = make("span", { "aria-hidden": "true" }, MARKS[state]);
  return make("span", { class: "mark" }, hidden, make("span", { class: "unseen" }, `${SPOKEN[state]}: `));
}

/** The steps of a check as a list, each with the hashes that it compared. */
export function stepList(steps) {
  return make(
    "ol",
    { class: "steps" },
    steps.map((step) => {
      const code = step.code ? [" (", make("code", {}, step.code), ")"] : [];
      const words = make(
        "span",
        { class: step.state === "fails" ? "words what" : "what" },
        capital(step.words),
        ...code,
      );
      return make(
        "li",
        { class: step.state, "data-step": step.name },
        mark(step.state),
        make("div", {}, words, factsOf(step)),
      );
    }),
  );
}

function factsOf({ facts }) {
  if (!facts?.length) return null;
  return make(
    "dl",
    { class: "hashes" },
    facts.flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, value)]),
  );
}

/** Whom a check rests on, honestly: where the keys came from, and what each witness says itself. */
export async function trustNote(trust) {
  const limits = limitsOf(trust);
  const answers = await fetch("/log/witnesses")
    .then((response) => response.json())
    .catch(() => []);
  const known = new Map(answers.filter(({ key }) => key).map(({ key, url }) => [key, url]));
  const keys = trust.policy.witnesses.map((key) => {
    const url = known.get(key.vkey);
    const said = url
      ? [
          "asked just now, the witness tells the same key: ",
          make("a", { href: `${url}/key`, rel: "noreferrer" }, `${url}/key`),
        ]
      : ["the witness could not be asked, or tells another key"];
    return make(
      "li",
      { class: url ? "holds" : "unchecked" },
      mark(url ? "holds" : "unchecked"),
      make(
        "div",
        {},
        make("span", { class: "what" }, key.name),
        ": ",
        ...said,
        make("dl", { class: "hashes" }, make("dt", {}, "key"), make("dd", {}, key.vkey)),
      ),
    );
  });
  const needed = `${trust.policy.quorum} of ${trust.policy.witnesses.length}`;
  return [
    limits ? make("p", { class: "failure", role: "alert" }, limits) : null,
    trust.changed ? changedKeys() : null,
    make(
      "p",
      {},
      `Demanded are the signatures of the log and of ${needed} witnesses. The keys are those that this window saw first. They came from` +
        " the log's own keeper, by way of this console, and so did this page's code: whoever keeps both could show you keys and code of" +
        " their own. To be sure, ask the witnesses yourself at the addresses below (of a house in Docker, at ports 8005 and 8006 of its" +
        " machine), and verify with a program that you trust (",
      make("code", {}, "interop audit verify --policy FILE"),
      ", or Go's and Sigstore's verifiers).",
    ),
    make("ul", { class: "steps" }, keys),
  ].filter(Boolean);
}

function changedKeys() {
  const words =
    "The log now names other keys than those that this window saw first. If the house was not started anew, that is an alarm. ";
  const anew = () => {
    Trust.forget();
    location.reload();
  };
  return make(
    "p",
    { class: "failure", role: "alert" },
    words,
    make("button", { type: "button", onclick: anew }, "It was: begin anew"),
  );
}

/** What is told of something that went wrong: a sentence, with its code if it has one. */
export const sentenceOf = (error) => (error instanceof Refused ? `${error.code}: ${error.message}` : error.message);

/** An entry of the log as its fields, or null for bytes that are none. */
export function fieldsOf(entry) {
  try {
    return JSON.parse(new TextDecoder().decode(entry));
  } catch {
    return null;
  }
}

export const capital = (words) => words.charAt(0).toUpperCase() + words.slice(1);

export const inWords = (text) => text.replaceAll("_", " ");
