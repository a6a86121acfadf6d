// The log: its checkpoint, signatures, growth and newest entries, each checked in this browser, and the tamper drill.

import { announce, ask, block, put, rest } from "./console.js";
import { make, number, pause } from "./elements.js";
import { fieldsOf, inWords, readFile, sentenceOf, Trust, trustNote, verdict } from "./proofs.js";
import {
  leafHash,
  Refused,
  rowsOf,
  timesIn,
  toBase64,
  toBytes,
  toHex,
  Tree,
  tilePath,
  unpackBundle,
  verifyConsistency,
  WIDTH,
  widthOf,
} from "./tlog.js";

const LOOK_MS = 2000;
const DRILL_MS = 300;
const NEWEST = 12;
const MOST_BLOCKS = 40;
const FIRST = "log-first";
const place = (id) => document.getElementById(id);
const clock = (time) => new Date(time).toLocaleTimeString("en-GB");

let trust = null;
let shown = -1;
let paused = false;
let grown = [];

// Looking at the log again and again

async function look() {
  try {
    const state = await ask("/log/state");
    showState(state);
    place("problem").hidden = true;
    if (!state.log?.published) {
      place("verdict").replaceChildren(
        verdict("waits", "Nothing is published yet: the log begins with the first booking."),
      );
      return;
    }
    trust ??= await begin();
    const checkpoint = await trust.newest();
    if (checkpoint.size !== shown) await showCheckpoint(checkpoint, state);
  } catch (error) {
    place("problem").textContent = sentenceOf(error);
    place("problem").hidden = false;
    if (error instanceof Refused) place("verdict").replaceChildren(verdict("fails", sentenceOf(error)));
  }
}

async function begin() {
  const begun = await Trust.begin();
  trustNote(begun).then((note) => place("trust").replaceChildren(...note));
  return begun;
}

async function watch() {
  if (!paused && document.visibilityState === "visible") await look();
  setTimeout(watch, LOOK_MS);
}

async function showCheckpoint(checkpoint, state) {
  const isNew = shown >= 0;
  const steps = await trust.steps(checkpoint);
  const signed = steps.find(({ name }) => name === "witnesses");
  place("verdict").replaceChildren(
    trust.signatures
      ? verdict("holds", `Verified by this browser: the root is signed by the log, and ${signed.words}.`)
      : verdict(
          "unchecked",
          "Read, and not verified: the signatures are not checked by this browser. See what the check rests on.",
        ),
  );
  place("size").textContent = number(checkpoint.size);
  place("root").textContent = toBase64(checkpoint.root);
  place("origin").textContent = `of the log ${checkpoint.origin}`;
  showSignatures(checkpoint, state);
  showTiles(checkpoint.size);
  const tree = new Tree(checkpoint.size, readFile);
  await Promise.all([showEntries(checkpoint, tree), showConsistency(checkpoint, tree)]);
  if (isNew) addPoint(checkpoint.size);
  if (isNew) announce(`The log has ${number(checkpoint.size)} entries now.`);
  shown = checkpoint.size;
}

function showSignatures(checkpoint, state) {
  const times = timesIn(checkpoint.note, trust.policy.witnesses);
  const heard = Object.values(state.log?.witnesses ?? {});
  const checked = trust.signatures ? "holds" : "unchecked";
  const lines = [[trust.policy.log.name, "the log", "", "signed by whoever keeps it"]];
  trust.policy.witnesses.forEach((key, at) => {
    const time = times.get(key.name);
    lines.push([
      key.name,
      "a witness",
      time ? new Date(time * 1000).toISOString().replace("T", " ").slice(0, 19) : "has not signed this one",
      heard[at] ?? "",
    ]);
  });
  place("signatures").tBodies[0].replaceChildren(
    ...lines.map(([who, role, when, said]) => {
      const standing = role === "the log" || times.has(who) ? checked : "waits";
      const words = { holds: "the signature is theirs", unchecked: "not checked", waits: "no signature here" }[
        standing
      ];
      return make(
        "tr",
        {},
        make("th", { scope: "row" }, who),
        make("td", {}, role),
        make("td", {}, when),
        make("td", {}, verdict(standing, words)),
        make("td", {}, said),
      );
    }),
  );
}

// Only ever longer

async function showConsistency(newest, tree) {
  const kept = sessionStorage.getItem(FIRST);
  if (kept === null)
    sessionStorage.setItem(FIRST, JSON.stringify({ note: new TextDecoder().decode(newest.raw), at: Date.now() }));
  const { note, at } = JSON.parse(sessionStorage.getItem(FIRST));
  try {
    const first = await trust.open(toBytes(note));
    if (first.size > newest.size) {
      throw new Refused(
        "rolled-back",
        `the log has ${number(newest.size)} entries, and had ${number(first.size)} when this window first saw it`,
      );
    }
    const proof = await tree.consistency(first.size);
    await verifyConsistency(first.size, first.root, newest.size, newest.root, proof);
    const since = `This window first saw ${number(first.size)} entries, at ${clock(at)}.`;
    const words =
      first.size === newest.size
        ? `${since} Nothing was added since, and nothing changed.`
        : `${since} Nothing of them was changed: a proof of ${proof.length} hashes, made of the` +
          " tiles by this browser, leads from that root to this one.";
    place("consistency").replaceChildren(verdict("holds", words));
  } catch (error) {
    place("consistency").replaceChildren(verdict("fails", sentenceOf(error)));
  }
}

// Holds what was told

function showState({ log, reconciliation }) {
  if (log?.age_seconds !== null && log?.age_seconds !== undefined) {
    place("age").textContent =
      `published ${span(log.age_seconds)} ago; ${number(log.size - log.published)} more wait for the witnesses`;
  }
  const told = reconciliation ?? {};
  if (told.reconciled === undefined) {
    place("reconciliation").replaceChildren(verdict("waits", "Log and streams have not been compared yet."));
    return;
  }
  const compared =
    `${number(told.matched)} entries are what events in the streams disclose, ${number(told.on_marks)}` +
    ` rest on marks, ${number(told.expunged)} are expunged`;
  const wrong = `${told.missing} events without an entry, ${told.extra} entries without an event, ${told.different} that differ`;
  const rest = told.lag > 0 ? `; ${number(told.lag)} still to compare` : "";
  const words = told.reconciled
    ? `Reconciled ${span(told.age_seconds)} ago: ${compared}${rest}.`
    : `NOT reconciled: ${wrong}.`;
  place("reconciliation").replaceChildren(
    verdict(told.reconciled ? "holds" : "fails", words),
    make(
      "p",
      { class: "soft" },
      "Audit's own word, from comparing log and streams again and again. Check: ",
      make("code", {}, "interop audit reconcile"),
    ),
  );
}

function span(seconds) {
  if (seconds < 90) return `${Math.round(seconds)} s`;
  return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`;
}

// The newest entries

async function showEntries(checkpoint, tree) {
  const { size } = checkpoint;
  if (size === 0) return;
  const last = Math.floor((size - 1) / WIDTH);
  const numbers = last > 0 && size % WIDTH > 0 && size % WIDTH < NEWEST ? [last - 1, last] : [last];
  try {
    const bundles = await Promise.all(numbers.map((each) => bundleAt(tree, each)));
    const entries = bundles.flatMap((some, at) =>
      some.map((entry, inside) => ({ entry, index: numbers[at] * WIDTH + inside })),
    );
    const newest = entries.slice(-NEWEST).reverse();
    if (toHex(await tree.root()) !== toHex(checkpoint.root))
      throw new Refused("root-differs", "the tiles make another root than the checkpoint has");
    place("entries").tBodies[0].replaceChildren(...newest.map(entryRow));
    place("entries-verdict").replaceChildren(
      verdict(
        "holds",
        `Hashed by this browser: these entries are in the tiles, and the tiles make the root of all ${number(size)}.`,
      ),
    );
  } catch (error) {
    place("entries-verdict").replaceChildren(verdict("fails", sentenceOf(error)));
  }
}

/** The entries of a bundle, if they are what the lowest tile vouches for. */
async function bundleAt(tree, each) {
  const entries = unpackBundle(await readFile(tilePath(null, each, widthOf(null, each, tree.size))));
  const hashes = await tree.tile(0, each);
  const leaves = await Promise.all(entries.map(leafHash));
  const made = leaves.map(toHex).join("");
  if (made !== toHex(hashes))
    throw new Refused(
      "entry-altered",
      `the entries from ${number(each * WIDTH)} on are not those that the tiles vouch for`,
    );
  return entries;
}

function entryRow({ entry, index }) {
  const fields = fieldsOf(entry) ?? {};
  const commit = fields.commit ? `${fields.commit.slice(0, 16)}…` : "";
  const cells = [
    fields.kind,
    fields.from,
    fields.to,
    (fields.what ?? []).map(inWords).join(", "),
    fields.month ?? fields.quarter,
    fields.type,
  ];
  return make(
    "tr",
    {},
    make("th", { scope: "row", class: "number" }, number(index)),
    cells.map((cell) => make("td", {}, cell ?? "")),
    make("td", {}, make("code", {}, commit)),
  );
}

// Tiles and growth

function showTiles(size) {
  place("tiles").replaceChildren(...rowsOf(size).reverse().map(tileRow));
}

function tileRow({ level, full, partial }) {
  const [what, each, of] =
    level === null ? ["Bundles of entries", "bundle", "entries"] : [`Tiles of level ${level}`, "tile", "hashes"];
  const counted = [
    full ? `${number(full)} full` : null,
    partial ? `one ${each} with ${partial} of ${WIDTH} ${of}` : null,
  ]
    .filter(Boolean)
    .join(", ");
  const drawn = Math.min(full, MOST_BLOCKS);
  const blocks = Array.from({ length: drawn }, () => make("span", { class: "block" }));
  if (full > drawn) blocks.push(make("span", {}, `and ${number(full - drawn)} more`));
  if (partial) {
    const filled = make("i");
    filled.style.width = `${(100 * partial) / WIDTH}%`;
    blocks.push(make("span", { class: "block partial" }, filled));
  }
  return make(
    "li",
    {},
    make("strong", {}, what),
    `: ${counted || "none yet"}`,
    make("div", { class: "blocks", "aria-hidden": "true" }, blocks),
  );
}

async function startGrowth() {
  try {
    grown = (await ask("/log/growth")).map(({ at, size }) => ({ at: Date.parse(at), size }));
    drawGrowth();
  } catch (error) {
    place("growth-words").textContent = sentenceOf(error);
  }
}

function addPoint(size) {
  grown.push({ at: Date.now(), size });
  drawGrowth();
}

function drawGrowth() {
  const words = place("growth-words");
  if (!grown.length) {
    words.textContent = "No checkpoint has been published yet.";
    return;
  }
  const [first, last] = [grown[0], grown.at(-1)];
  const [width, height] = [Math.max(1, last.at - first.at), Math.max(1, last.size)];
  const points = grown.map(({ at, size }) => [(100 * (at - first.at)) / width, 40 - (38 * size) / height]);
  const steps = points.map(([x, y]) => `H${x.toFixed(2)}V${y.toFixed(2)}`).join("");
  const line = `M0 ${points[0][1].toFixed(2)}${steps}H100`;
  place("growth").querySelector(".line").setAttribute("d", line);
  place("growth").querySelector(".area").setAttribute("d", `${line}V40H0Z`);
  words.textContent = `From ${number(first.size)} to ${number(last.size)} entries in ${span(width / 1000)}, over ${number(grown.length)} checkpoints shown.`;
  place("growth-from").textContent = `${clock(first.at)}: ${number(first.size)}`;
  place("growth-to").textContent = `${clock(last.at)}: ${number(last.size)}`;
}

// The drill

function olderNote() {
  const kept = sessionStorage.getItem(FIRST);
  return kept === null ? "" : JSON.parse(kept).note;
}

async function attack(event) {
  event.preventDefault();
  const { flips, seed } = Object.fromEntries(new FormData(place("drill")));
  try {
    await follow(await ask("/log/drill", { json: { older: olderNote(), flips: Number(flips), seed: Number(seed) } }));
  } catch (error) {
    place("drill-result").replaceChildren(make("p", { class: "failure", role: "alert" }, error.message));
    await followed();
  }
}

/** Shows how a drill stands until it has ended. */
async function followed() {
  try {
    await follow(await ask("/log/drill"));
  } catch (error) {
    showDrill({ status: "failed", error: { code: "console-gone", message: error.message } });
  }
}

async function follow(told) {
  const isRunning = told.status === "running";
  rest(place("attack"), isRunning);
  place("cancel").hidden = !isRunning;
  place("drill-progress").hidden = !isRunning;
  if (isRunning) {
    place("drill-step").textContent = `${told.step}: ${number(told.done)} of ${number(told.total)}`;
    place("drill-bar").max = told.total;
    place("drill-bar").value = told.done;
    await pause(DRILL_MS);
    return follow(await ask("/log/drill"));
  }
  showDrill(told);
}

function showDrill(told) {
  const result = place("drill-result");
  if (told.status === "failed")
    result.replaceChildren(make("p", { class: "failure", role: "alert" }, `${told.error.code}: ${told.error.message}`));
  if (told.status === "cancelled")
    result.replaceChildren(verdict("gone", "Cancelled. Nothing was touched but a copy."));
  if (told.status !== "done") return;
  const [tries, noticed] = ["tries", "noticed"].map((name) => told.attacks.reduce((sum, each) => sum + each[name], 0));
  const words = `${number(noticed)} of ${number(tries)} attempts on a copy of ${number(told.size)} entries were noticed.`;
  const head = ["Attack", "What was done", "Tries", "Noticed", "Named", "By whom"];
  const table = make(
    "table",
    {},
    make("caption", {}, "The tamper drill"),
    make(
      "thead",
      {},
      make(
        "tr",
        {},
        head.map((each) => make("th", { scope: "col" }, each)),
      ),
    ),
    make("tbody", {}, told.attacks.map(attackRow)),
  );
  result.replaceChildren(
    verdict(noticed === tries ? "holds" : "fails", words),
    make("div", { class: "wide", tabindex: "0", role: "region", "aria-label": "The tamper drill" }, table),
  );
  announce(words);
}

function attackRow(each) {
  const codes = Object.entries(each.codes).map(([code, count]) => `${code} ${number(count)}`);
  const cells = [each.changed, number(each.tries), number(each.noticed), codes.join(", "), each.by.join("; ")];
  return make(
    "tr",
    {},
    make("th", { scope: "row" }, each.attack),
    cells.map((cell) => make("td", {}, cell)),
  );
}

// The report, once the page is there

async function fetchReport() {
  const region = place("report");
  if (!region.dataset.wanted) return;
  delete region.dataset.wanted;
  region.setAttribute("aria-busy", "true");
  try {
    put(region, await block("report"));
  } catch (error) {
    region.append(make("p", { class: "failure", role: "alert" }, error.message));
  } finally {
    region.removeAttribute("aria-busy");
  }
}

place("pause").addEventListener("click", () => {
  paused = !paused;
  place("pause").textContent = paused ? "Go on watching" : "Pause watching";
  place("pause").setAttribute("aria-pressed", String(paused));
});
place("drill").addEventListener("submit", attack);
place("cancel").addEventListener("click", async () => showDrill(await ask("/log/drill/cancel", { method: "POST" })));
watch();
startGrowth();
fetchReport();
followed();
