// My ledger: a subject's disclosures, each verified in this browser, tampered with on one's own copy, and expunged.

import { announce, ask, rest } from "./console.js";
import { checkDisclosure, checkEntry, copyOf, flipped } from "./disclosure.js";
import { make, number, pause } from "./elements.js";
import { capital, fieldsOf, inWords, readFile, sentenceOf, stepList, Trust, trustNote, verdict } from "./proofs.js";
import { Tree, tilePath, unpackBundle, WIDTH, widthOf } from "./tlog.js";

const TOKEN = "ledger-token";
const WAIT_MS = 1000;
const PUBLISH_MS = 30_000;
const PARTIES = {
  LEA: "the local agency (LEA)",
  SIB: "the state's bureau (SIB)",
  FBI: "the FBI",
  DHS: "Homeland Security (DHS)",
  LESC: "ICE's support center (LESC)",
  ICE: "ICE",
};
const STEP_NAMES = {
  record: "record",
  entry: "entry",
  inclusion: "way to the root",
  log: "signature of the log",
  witnesses: "signatures of the witnesses",
};
const [form, problem, section, list] = ["enter", "problem", "ledger", "disclosures"].map((id) =>
  document.getElementById(id),
);
const [tokenField, subjectField] = ["token", "subject"].map((id) => document.getElementById(id));

let token = null;
let subject = "";
let trust = null;
let rows = [];

// Who enters

/** What a token says of its bearer, unchecked: audit decides what it is worth. */
function claimsOf(text) {
  try {
    return JSON.parse(atob(text.split(".")[1].replaceAll("-", "+").replaceAll("_", "/")));
  } catch {
    return {};
  }
}

const authorized = () => ({ Authorization: `Bearer ${token}` });
const addressOf = (path) => `/ledger/${path}?${new URLSearchParams({ subject })}`;

function complain(words) {
  problem.textContent = words;
  problem.hidden = false;
}

async function enter() {
  problem.hidden = true;
  const claims = claimsOf(token);
  subject = subjectField.value.trim() || (claims.role === "subject" ? String(claims.sub) : "");
  if (!subject) return complain("Say whose ledger it is to be: this token does not tell.");
  if (!/^[\x21-\x7e]+$/.test(token)) return complain("This is no token: paste the one line that the command printed.");
  form.setAttribute("aria-busy", "true");
  try {
    const told = await ask(addressOf("disclosures"), { headers: authorized() });
    trust = await Trust.begin();
    sessionStorage.setItem(TOKEN, token);
    await show(told, claims);
  } catch (error) {
    section.hidden = true;
    complain(sentenceOf(error));
  } finally {
    form.removeAttribute("aria-busy");
  }
}

function leave() {
  sessionStorage.removeItem(TOKEN);
  token = null;
  rows = [];
  tokenField.value = "";
  list.replaceChildren();
  for (const id of ["ledger", "remains", "leave"]) document.getElementById(id).hidden = true;
  announce("The token is forgotten.");
  tokenField.focus();
}

// The timeline

async function show(told, claims) {
  document.getElementById("remains").hidden = true;
  document.getElementById("leave").hidden = false;
  document.getElementById("ledger-title").textContent = `Who was told what about ${subject}`;
  document.getElementById("expunging").hidden = claims.role !== "subject" || !told.disclosures.length;
  section.hidden = false;
  rows = [...told.disclosures].sort(byTime).map((each) => new Disclosure(each));
  list.replaceChildren(...rows.map((row) => row.element));
  await Promise.all(rows.map((row) => row.check()));
  summarize();
  trustNote(trust).then((note) => document.getElementById("trust").replaceChildren(...note));
  document.getElementById("ledger-title").focus();
  if (rows.some((row) => row.waits)) setTimeout(askAgain, WAIT_MS);
}

function byTime(one, other) {
  return one.record.time.localeCompare(other.record.time) || one.index - other.index;
}

/** What was not published yet may be by now. */
async function askAgain() {
  if (token === null || !rows.some((row) => row.waits)) return;
  try {
    const told = await ask(addressOf("disclosures"), { headers: authorized() });
    const proofs = new Map(told.disclosures.map((each) => [each.index, each]));
    await Promise.all(rows.filter((row) => row.waits).map((row) => row.take(proofs.get(row.told.index))));
    summarize();
  } catch (error) {
    complain(sentenceOf(error));
  }
  setTimeout(askAgain, WAIT_MS);
}

function summarize() {
  const [wrong, waiting] = [rows.filter((row) => row.failed), rows.filter((row) => row.waits)];
  const count = rows.length === 1 ? "1 disclosure" : `${rows.length} disclosures`;
  const told = document.getElementById("summary");
  let [state, words] = ["holds", `${count}, each verified by this browser.`];
  if (!rows.length) {
    [state, words] = [
      "gone",
      `The ledger has nothing about ${subject}: nobody was booked under that reference, nothing was told yet, or they were expunged.`,
    ];
  } else if (wrong.length) {
    [state, words] = ["fails", `${count}; ${wrong.length} refused: what you see there is not what was logged.`];
  } else if (waiting.length) {
    [state, words] = ["waits", `${count}; ${waiting.length} wait for the witnesses to sign.`];
  } else if (!trust.signatures) {
    [state, words] = ["unchecked", `${count}: hashes verified by this browser, signatures not.`];
  }
  told.replaceChildren(...verdict(state, words).childNodes);
  told.className = `summary verdict ${state}`;
  announce(words);
}

/** One disclosure: what audit told, the reader's copy, and the verdict on it. */
class Disclosure {
  constructor(told) {
    this.told = told;
    this.copy = copyOf(told);
    this.steps = [];
    this.changed = "";
    const { record } = told;
    this.verdictPlace = make("div");
    this.stepsPlace = make("div");
    this.changePlace = make("p", { class: "soft" });
    this.body = make("div", {}, ...this.recordParts(record), this.verdictPlace, this.details());
    this.element = make("li", { "data-entry": told.index }, this.body);
  }

  get failed() {
    return this.steps.find((step) => step.state === "fails");
  }

  get waits() {
    return this.steps.some((step) => step.state === "waits");
  }

  recordParts(record) {
    const when = record.time.slice(0, 16).replace("T", " ");
    return [
      make(
        "p",
        { class: "when" },
        make("time", { datetime: record.time }, `${when} UTC`),
        make("span", {}, `entry ${this.told.index}`),
      ),
      make("h3", {}, `${capital(nameOf(record.sender))} told ${nameOf(record.recipient)}`),
      make("p", {}, record.categories.split(" ").map(inWords).join(", ")),
      make("p", { class: "soft" }, `On what basis: ${record.basis}. For: ${inWords(record.purpose)}.`),
    ];
  }

  details() {
    this.places = make("select", { "aria-label": `Where to flip a byte of entry ${this.told.index}` });
    const flip = make("button", { type: "button", onclick: () => this.flip() }, "Flip one byte of it");
    this.mend = make("button", { type: "button", hidden: true, onclick: () => this.restore() }, "Mend it again");
    const tamper = make(
      "div",
      { class: "tamper" },
      make("p", {}, "Do not believe it? Change one byte in your own copy, and see which step notices:"),
      make("div", { class: "row" }, this.places, flip, this.mend),
      this.changePlace,
    );
    return make("details", {}, make("summary", {}, "How this was verified"), this.stepsPlace, tamper);
  }

  async take(told) {
    if (!told || told.proof === null) return;
    this.told = told;
    this.copy = copyOf(told);
    await this.check();
  }

  async check() {
    this.steps = await checkDisclosure(this.copy, trust.policy, trust);
    this.draw();
  }

  draw() {
    this.element.classList.toggle("refused", Boolean(this.failed));
    this.verdictPlace.replaceChildren(verdict(...verdictOf(this.steps)));
    this.stepsPlace.replaceChildren(stepList(this.steps));
    this.changePlace.textContent = this.changed;
    this.mend.hidden = !this.changed;
    const chosen = this.places.value;
    this.places.replaceChildren(...placesOf(copyOf(this.told)).map(({ words }) => make("option", {}, words)));
    if (chosen) this.places.value = chosen;
  }

  async flip() {
    const whole = copyOf(this.told);
    const { part, at, words } = placesOf(whole).find((place) => place.words === this.places.value);
    this.copy = flipped(whole, part, at);
    const [was, is] = [whole[part][at], this.copy[part][at]].map(shown);
    this.changed = `Changed in your copy: ${words}, byte ${at}: ${was} became ${is}.`;
    await this.check();
    summarize();
  }

  async restore() {
    this.copy = copyOf(this.told);
    this.changed = "";
    await this.check();
    summarize();
    this.places.focus();
  }

  /** What is left of it when nobody can open the record any more. */
  forget(steps) {
    this.steps = steps;
    const fields = fieldsOf(this.copy.entry) ?? {};
    const shownAs =
      "from" in fields ? `${capital(nameOf(fields.from))} told ${nameOf(fields.to)}` : "Something was told";
    const when = fields.month ?? fields.quarter ?? "";
    this.element.classList.remove("refused");
    this.element.classList.add("forgotten");
    this.body.replaceChildren(
      make("p", { class: "when" }, make("span", {}, when), make("span", {}, `entry ${this.told.index}`)),
      make("h3", {}, `${shownAs}, about nobody who can be named`),
      make("p", {}, (fields.what ?? []).map(inWords).join(", ")),
      verdict(...verdictOf(steps)),
      make(
        "details",
        {},
        make("summary", {}, "What still verifies"),
        stepList(steps),
        make("p", {}, "The entry, as anybody reads it: ", make("code", { class: "hash" }, this.told.entry)),
      ),
    );
  }
}

const textOf = (bytes) => new TextDecoder().decode(bytes);
const nameOf = (party) => PARTIES[party] ?? party;
const shown = (byte) =>
  byte > 32 && byte < 127 ? `"${String.fromCharCode(byte)}"` : `0x${byte.toString(16).padStart(2, "0")}`;

function verdictOf(steps) {
  const failed = steps.filter((step) => step.state === "fails");
  if (failed.length) {
    const [{ name, words }] = failed;
    return ["fails", `Refused at the step "${STEP_NAMES[name]}": ${words}`];
  }
  if (steps.some((step) => step.state === "waits"))
    return ["waits", "Not published yet: the witnesses have still to sign."];
  const signed = steps.find((step) => step.name === "witnesses");
  if (signed?.state === "unchecked") return ["unchecked", "Hashes verified; signatures not checked by this browser"];
  if (steps.some((step) => step.state === "gone"))
    return [
      "holds",
      `The entry still stands in the log, signed by it and ${signed.words}; the record can no longer be opened`,
    ];
  return ["holds", `Verified: record, entry, way to the root, signed by the log, ${signed.words}`];
}

/** Where a byte of a copy can be flipped, each in words. */
function placesOf(copy) {
  const anywhere = (words, part) => ({ words, part, at: Math.floor(Math.random() * copy[part].length) });
  const places = [
    anywhere("a byte of the record", "record"),
    anywhere("a byte of the opening key", "openingKey"),
    anywhere("a byte of the entry", "entry"),
  ];
  if (copy.proof === null) return places;
  const lines = linesOf(copy.proof);
  const blank = lines.findIndex(({ text }) => text === "");
  const inLine = (words, line) => ({ words, part: "proof", at: line.start + flippable(line) });
  if (blank > 2)
    places.push(inLine("a byte of a neighbour's hash", lines[2 + Math.floor(Math.random() * (blank - 2))]));
  places.push(inLine("a byte of the root", lines[blank + 3]));
  for (const line of lines.slice(blank + 5).filter(({ text }) => text)) {
    places.push(inLine(`a byte of the signature of ${line.text.split(" ")[1]}`, line));
  }
  return places;
}

/** The lines of a file, each with the place of its first byte. */
function linesOf(bytes) {
  const lines = [];
  let start = 0;
  bytes.forEach((byte, at) => {
    if (byte !== 10) return;
    lines.push({ start, bytes: bytes.subarray(start, at), text: new TextDecoder().decode(bytes.subarray(start, at)) });
    start = at + 1;
  });
  return lines;
}

/** A place near the end of a line of base64 where a flipped bit makes another letter of it, and not a broken word. */
function flippable({ bytes }) {
  const isLetter = (byte) => /[A-Za-z0-9+/]/.test(String.fromCharCode(byte));
  for (let at = bytes.length - 6; at > 0; at--) {
    if (isLetter(bytes[at]) && isLetter(bytes[at] ^ 1)) return at;
  }
  return bytes.length - 1;
}

// Expunging

const dialog = document.getElementById("confirm");

async function expunge() {
  dialog.close();
  const button = document.getElementById("expunge");
  rest(button, true);
  try {
    const done = await ask(addressOf("expunge"), { method: "POST", headers: authorized() });
    await showRemains(done);
  } catch (error) {
    complain(sentenceOf(error));
    problem.scrollIntoView({ block: "center" });
  } finally {
    rest(button, false);
  }
}

async function showRemains(done) {
  document.getElementById("expunging").hidden = true;
  const [place, body] = ["remains", "remains-body"].map((id) => document.getElementById(id));
  place.hidden = false;
  const events = done.removed === 1 ? "1 event" : `${done.removed} events`;
  body.replaceChildren(
    make(
      "p",
      { class: "summary" },
      `The key is deleted. ${done.disclosures} entries of the log can no longer be opened by anybody,` +
        ` and ${events} left their streams. Entry ${done.index} of the log says that an expunction happened, and not whose.`,
    ),
  );
  document.getElementById("remains-title").focus();
  const waiting = body.appendChild(
    verdict("waits", "Waiting for the witnesses to sign the log with that entry in it…"),
  );
  const checkpoint = await publishedAfter(done.index);
  waiting.remove();
  if (checkpoint) await checkWhatRemains(checkpoint, done, body);
  else body.append(verdict("waits", "The witnesses have not signed yet; the page 'The log' shows when they have."));
  body.append(await askedAgain(), standingOf(done));
  announce("It is expunged. What remains stands below.");
}

/** The newest checkpoint once it covers an entry; null when that takes too long. */
async function publishedAfter(index) {
  for (const until = Date.now() + PUBLISH_MS; Date.now() < until;) {
    const checkpoint = await trust.newest();
    if (checkpoint.size > index) return checkpoint;
    await pause(WAIT_MS / 4);
  }
  return null;
}

async function checkWhatRemains(checkpoint, done, body) {
  const tree = new Tree(checkpoint.size, cached(readFile));
  const gone = {
    name: "record",
    state: "gone",
    words: "the record can no longer be opened: its key is deleted",
    facts: [],
  };
  let changed = 0;
  for (const row of rows) {
    const logged = await entryAt(tree, row.told.index);
    changed += textOf(logged) === row.told.entry ? 0 : 1;
    const steps = await checkEntry(
      logged,
      row.told.index,
      await tree.inclusion(row.told.index),
      checkpoint,
      trust.policy,
      trust,
    );
    row.forget([gone, ...steps]);
  }
  const act = await entryAt(tree, done.index);
  const steps = await checkEntry(act, done.index, await tree.inclusion(done.index), checkpoint, trust.policy, trust);
  const failed =
    [...rows.flatMap((row) => row.steps), ...steps].filter((step) => step.state === "fails").length + changed;
  document.getElementById("ledger-title").textContent = "What the log still shows";
  const told = document.getElementById("summary");
  const words = failed
    ? `${failed} checks fail: the log was altered.`
    : `All ${rows.length} entries are what they were before, and still stand in the log of now` +
      ` ${number(checkpoint.size)} entries.`;
  told.replaceChildren(...verdict(failed ? "fails" : "holds", words).childNodes);
  told.className = `summary verdict ${failed ? "fails" : "holds"}`;
  body.append(
    verdict(failed ? "fails" : "holds", `Verified anew from the published files: ${words}`),
    make("p", {}, `Entry ${done.index}, as anybody reads it: `, make("code", { class: "hash" }, textOf(act))),
  );
}

function cached(read) {
  const known = new Map();
  return (path) => {
    if (!known.has(path)) known.set(path, read(path));
    return known.get(path);
  };
}

async function entryAt(tree, index) {
  const at = Math.floor(index / WIDTH);
  const bundle = await tree.readTile(tilePath(null, at, widthOf(null, at, tree.size)));
  return unpackBundle(bundle)[index % WIDTH];
}

async function askedAgain() {
  try {
    const { disclosures } = await ask(addressOf("disclosures"), { headers: authorized() });
    return make(
      "p",
      {},
      `Audit, asked again with the same token, has ${disclosures.length || "no"} disclosures about ${subject}.` +
        " If you reload this page, nothing of the records is left in it either: only somebody who kept a copy, with its" +
        " proof, can still show what it said.",
    );
  } catch (error) {
    return make("p", { class: "failure" }, sentenceOf(error));
  }
}

function standingOf(done) {
  if (done.not_looked_at)
    return make(
      "p",
      { class: "failure" },
      `Where else something is still kept: ${done.not_looked_at}. The command 'interop audit expunge' lists it.`,
    );
  const head = make(
    "tr",
    {},
    ["Where", "Why"].map((words) => make("th", { scope: "col" }, words)),
  );
  const lines = done.still_standing.map(({ where, why }) =>
    make("tr", {}, make("th", { scope: "row", class: "hash" }, where), make("td", {}, why)),
  );
  const table = make(
    "table",
    {},
    make("caption", {}, "Where something about the person is still kept, and why"),
    make("thead", {}, head),
    make("tbody", {}, lines),
  );
  return make(
    "div",
    { class: "wide", tabindex: "0", role: "region", "aria-label": "Where something is still kept" },
    table,
  );
}

// Buttons

form.addEventListener("submit", (event) => {
  event.preventDefault();
  token = tokenField.value.trim().replace(/^Bearer /, "");
  enter();
});
document.getElementById("leave").addEventListener("click", leave);
document.getElementById("expunge").addEventListener("click", () => {
  document.getElementById("confirm-subject").textContent = subject;
  dialog.showModal();
});
document.getElementById("confirm-no").addEventListener("click", () => dialog.close());
document.getElementById("confirm-yes").addEventListener("click", expunge);

const kept = sessionStorage.getItem(TOKEN);
if (kept !== null && (!subjectField.value || claimsOf(kept).sub === subjectField.value)) {
  token = kept;
  tokenField.value = kept;
  enter();
}
