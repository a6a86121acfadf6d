// A light editor for laws: a text area over a sheet that draws line numbers and underlines what the check finds.
import { announce, ask } from "./console.js";

const dialog = document.getElementById("editor");
const text = document.getElementById("text");
const backdrop = document.getElementById("backdrop");
const gutter = document.getElementById("gutter");
const findings = document.getElementById("findings");
const verdict = document.getElementById("verdict");
const failure = document.getElementById("editor-failure");
const saving = document.getElementById("save");
const deleting = document.getElementById("delete");
const undoing = document.getElementById("undo");
const TYPING_MS = 250;

const EMPTY = `policy: my-town-2026
title: A rule of my own
question: detainer
place: US-XX
authority: city
status: draft
in_force: {from: 2026-01-01}
source: written in the policy lab
verified: none
max_hold_hours: 24
clauses:
  - clause: (a)
    text: Convicted of a serious felony within the past ten years
    when: {years_since_serious_felony: at most 10}
    then: {hold: may, notify: may}
otherwise:
  clause: (b)
  text: Nobody else is held, and nothing is said of them
  then: {hold: must_not, notify: must_not}
`;

let timer = null;
let checking = 0;
let original = null;
let finish = null;
/** What the text was when it was opened, and under which name what was typed and not saved is kept. */
let begun = { key: "", text: "" };
const unsaved = new Map();

/** A copy of a law to change: it needs an id of its own, and nobody has verified it. */
function asDraft({ id, text: words }) {
  return words
    .replace(/^policy:.*$/m, `policy: my-${id}`)
    .replace(/^status:.*$/m, "status: draft")
    .replace(/^verified:.*$/m, "verified: none")
    .replace(/^verified_through:.*\n/m, "");
}

/**
 * Opens the editor with a law, or with a small one to begin with.
 * @param {{id: string, text: string, own: boolean} | null} law
 * @returns {Promise<{id: string} | {deleted: string} | null>} what became of it; null if nothing was saved.
 */
export function openEditor(law) {
  original = law?.own ? law.id : null;
  begun = { key: law?.id ?? "", text: law === null ? EMPTY : law.own ? law.text : asDraft(law) };
  text.value = unsaved.get(begun.key) ?? begun.text;
  document.getElementById("editor-title").textContent = law === null ? "A law of your own" : law.own ? `Your law ${law.id}` : `A copy of ${law.id}`;
  const [isLeft, isCopy] = [unsaved.has(begun.key), law?.own === false];
  const copied = isCopy ? "(yours to change; the original stays as it is)" : "";
  document.getElementById("text-state").textContent = isLeft ? "(as you left it, not saved yet)" : copied;
  deleting.hidden = original === null;
  showUndo();
  showFailure("");
  draw([]);
  dialog.showModal();
  text.focus();
  text.setSelectionRange(0, 0);
  text.scrollTop = 0;
  check();
  return new Promise((resolve) => {
    finish = resolve;
  });
}

function showUndo() {
  undoing.hidden = text.value === begun.text;
}

/** Whoever presses Escape by mistake finds again what they have typed. */
function keep() {
  if (text.value === begun.text) unsaved.delete(begun.key);
  else unsaved.set(begun.key, text.value);
}

function end(outcome) {
  const resolve = finish;
  finish = null;
  if (dialog.open) dialog.close();
  resolve?.(outcome);
}

function showFailure(words) {
  failure.hidden = words === "";
  failure.textContent = words;
}

/* The sheet behind the text. */

/** How far an underline goes: to the end of the word at that place, and one letter at least. */
function wordAt(line, column) {
  const rest = line.slice(column - 1);
  return Math.max(rest.match(/^[^\s,:{}[\]]+/)?.[0].length ?? 1, 1);
}

function span(words, kind) {
  const made = document.createElement("span");
  made.className = kind;
  made.textContent = words;
  return made;
}

function drawnLine(line, found) {
  const parts = [];
  let at = 0;
  for (const { column, severity } of found) {
    const start = Math.min(column - 1, line.length);
    if (start < at) continue;
    const end = start + wordAt(line, column);
    parts.push(line.slice(at, start), span(line.slice(start, end) || " ", severity));
    at = end;
  }
  return [...parts, line.slice(at), "\n"];
}

function draw(found) {
  const lines = text.value.split("\n");
  const byLine = new Map();
  for (const each of found) byLine.set(each.line, [...(byLine.get(each.line) ?? []), each]);
  backdrop.replaceChildren(...lines.flatMap((line, place) => drawnLine(line, byLine.get(place + 1) ?? [])));
  gutter.replaceChildren(
    ...lines.map((_, place) => {
      const severities = (byLine.get(place + 1) ?? []).map((each) => each.severity);
      const kind = severities.includes("error") ? "error" : (severities[0] ?? "");
      return span(`${kind === "error" ? "✗ " : kind ? "· " : ""}${place + 1}\n`, kind);
    }),
  );
  follow();
}

function follow() {
  backdrop.scrollTop = text.scrollTop;
  backdrop.scrollLeft = text.scrollLeft;
  gutter.scrollTop = text.scrollTop;
}

/* The check. */

function goTo({ line, column }) {
  const before = text.value.split("\n").slice(0, line - 1);
  const place = Math.min(before.join("\n").length + (line > 1 ? 1 : 0) + column - 1, text.value.length);
  text.focus();
  text.setSelectionRange(place, place);
  const height = text.scrollHeight / text.value.split("\n").length;
  text.scrollTop = Math.max(0, (line - 4) * height);
}

function list(found) {
  findings.replaceChildren(
    ...found.map((each) => {
      const item = document.createElement("li");
      item.className = each.severity;
      const lead = Object.assign(document.createElement("button"), { type: "button", className: "link" });
      lead.textContent = `Line ${each.line}, column ${each.column}`;
      lead.addEventListener("click", () => goTo(each));
      item.append(lead, ` ${each.severity}: ${each.sentence}`);
      return item;
    }),
  );
}

async function check() {
  const mine = ++checking;
  try {
    const found = await ask("/lab/check", { json: { text: text.value } });
    if (mine !== checking) return;
    const errors = found.findings.filter((each) => each.severity === "error").length;
    const notes = found.findings.length - errors;
    draw(found.findings);
    list(found.findings);
    text.setAttribute("aria-invalid", String(errors > 0));
    saving.disabled = errors > 0;
    verdict.className = `verdict ${errors ? "wrong" : "right"}`;
    verdict.textContent = errors
      ? `✗ ${errors} ${errors === 1 ? "mistake" : "mistakes"}${notes ? `, ${notes} to look at` : ""}`
      : `✓ No mistake${notes ? `, ${notes} to look at` : ""}. It will be saved as ${found.id}.`;
  } catch (problem) {
    if (mine === checking) showFailure(problem.message);
  }
}

text.addEventListener("input", () => {
  draw([]);
  showUndo();
  clearTimeout(timer);
  timer = setTimeout(check, TYPING_MS);
});
text.addEventListener("scroll", follow);

undoing.addEventListener("click", () => {
  text.value = begun.text;
  showUndo();
  draw([]);
  text.focus();
  announce("All changes are undone.");
  check();
});

saving.addEventListener("click", async () => {
  showFailure("");
  try {
    const saved = await save();
    announce(`Saved as ${saved.id}.`);
    begun.text = text.value;
    end(saved);
  } catch (problem) {
    showFailure(problem.message);
  }
});

/** A law that is edited replaces itself; a new one replaces nothing, unless that is meant. */
async function save() {
  const id = text.value.match(/^policy:\s*([^\s#]+)/m)?.[1];
  return ask("/lab/policies", { json: { text: text.value, instead: original !== null && id === original } });
}

deleting.addEventListener("click", async () => {
  const sure = deleting.dataset.sure === original;
  if (!sure) {
    deleting.dataset.sure = original;
    deleting.textContent = "Delete it for good?";
    return;
  }
  try {
    await ask(`/lab/policies/${encodeURIComponent(original)}`, { method: "DELETE" });
    announce(`Deleted ${original}.`);
    begun.text = text.value;
    end({ deleted: original });
  } catch (problem) {
    showFailure(problem.message);
  }
});

dialog.addEventListener("close", () => {
  deleting.textContent = "Delete this law";
  delete deleting.dataset.sure;
  clearTimeout(timer);
  keep();
  end(null);
});
