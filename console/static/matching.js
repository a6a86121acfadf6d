// The page on matching: words beside the logarithmic slider, buttons that set a field, and counting with progress.
import { announce, ask } from "./console.js";
import { number, pause } from "./elements.js";

const MEASUREMENT = "/matching/measurement";
const OFTEN = 250;
const FIELDS = ["model", "fingers", "poor", "missing"];

const form = document.getElementById("choices");
const gallery = form.elements.gallery;
let focusAfter = null;

// A power of ten as the page writes it: two digits, and millions in words.
function peopleOnFile(power) {
  const people = Number((10 ** power).toPrecision(2));
  return people >= 1e6 ? `${Number((people / 1e6).toPrecision(3))} million` : number(people);
}

function tellGallery() {
  const words = peopleOnFile(Number(gallery.value));
  document.getElementById("gallery-words").textContent = words;
  gallery.setAttribute("aria-valuetext", words);
}

function put(name, value) {
  const field = form.elements[name];
  field.value = value;
  field.dispatchEvent(new Event("input", { bubbles: true }));
}

function chosen() {
  const fields = new FormData(form);
  const numbers = { poor: Number(fields.get("poor")), missing: Number(fields.get("missing")) };
  return { model: fields.get("model"), fingers: fields.get("fingers"), ...numbers };
}

function addressOf(prints) {
  return `${MEASUREMENT}?${new URLSearchParams(FIELDS.map((name) => [name, prints[name]]))}`;
}

function showCounting(isCounting, share = 0) {
  const row = document.getElementById("measuring");
  if (!row) return;
  const pressed = document.activeElement;
  const measure = document.getElementById("measure");
  row.hidden = !isCounting;
  measure.hidden = isCounting;
  // Whoever goes by keyboard goes from the button that is gone to the one that came.
  if (isCounting && pressed === measure) document.getElementById("cancel").focus();
  if (!isCounting && pressed.id === "cancel") measure.focus();
  document.getElementById("measured-share").value = share;
}

function showFailure(words) {
  const place = document.getElementById("measuring-failed");
  if (!place) return;
  place.textContent = words;
  place.hidden = words === "";
}

// Follows what is being counted until it is done; then the page is drawn anew, with it.
async function follow(prints, state) {
  while (state.state === "running") {
    showCounting(true, state.share);
    await pause(OFTEN);
    if (JSON.stringify(chosen()) !== JSON.stringify(prints)) return;
    state = await ask(addressOf(prints));
  }
  if (state.state === "done" && document.activeElement.id === "cancel") focusAfter = "measurement";
  showCounting(false);
  if (state.state === "done") form.requestSubmit();
  if (state.state === "failed") showFailure("It could not be counted; try again.");
}

async function count() {
  const prints = chosen();
  showFailure("");
  announce("Counting.");
  try {
    await follow(prints, await ask(MEASUREMENT, { json: prints }));
  } catch (problem) {
    showCounting(false);
    showFailure(problem.message);
  }
}

async function cancel() {
  try {
    await ask(addressOf(chosen()), { method: "DELETE" });
    announce("Cancelled.");
  } catch (problem) {
    showFailure(problem.message);
  }
}

// Goes on with what is counted for these prints already, where it was begun before.
async function resume() {
  if (!document.getElementById("measure")) return;
  const prints = chosen();
  try {
    const state = await ask(addressOf(prints));
    if (state.state === "running") await follow(prints, state);
  } catch {
    // Whoever wants to count presses the button, and is then told what is wrong.
  }
}

document.addEventListener("click", (event) => {
  const setter = event.target.closest("a[data-field]");
  if (setter) {
    event.preventDefault();
    focusAfter = setter.id;
    put(setter.dataset.field, setter.dataset.value);
    return;
  }
  if (event.target.id === "measure") count();
  if (event.target.id === "cancel") cancel();
});
document.addEventListener("drawn", () => {
  // What was pressed is drawn anew: whoever goes by keyboard stays where they were.
  if (focusAfter) document.getElementById(focusAfter)?.focus();
  focusAfter = null;
  resume();
});
// A number that is still being typed is not asked about.
form.addEventListener("input", (event) => {
  if (!form.reportValidity()) event.stopImmediatePropagation();
}, true);
gallery.addEventListener("input", tellGallery);
tellGallery();
resume();
