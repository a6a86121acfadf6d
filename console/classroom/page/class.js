/* Puts the page together: reads its data, keeps what the group does on this phone, and shows one step at a time. */

import { cleanName } from "./code.js";
import { byId } from "./parts.js";
import {
  drawCompare, drawEdit, drawGather, drawGuess, drawLaws, Hour, prepareCompare, prepareEdit, prepareGather, prepareLaws, seal,
} from "./steps.js";

const pageData = JSON.parse(byId("data").textContent);
const STORE = `interop-class-${pageData.id}`;
const DRAW = { guess: drawGuess, laws: drawLaws, edit: drawEdit, compare: drawCompare, gather: drawGather };
const FRESH = { group: "", guesses: [], yardsticks: [], nonce: null, seal: null, draft: null };

/** What was kept on this phone; a page opened as a file may not be allowed to keep anything. */
function kept() {
  try {
    return { ...FRESH, ...JSON.parse(localStorage.getItem(STORE) ?? "{}") };
  } catch {
    return { ...FRESH };
  }
}

function keep(state) {
  try {
    localStorage.setItem(STORE, JSON.stringify(state));
  } catch {
    // Then it lasts as long as the page is open.
  }
}

function showStep(hour) {
  byId("again").hidden = !hour.state.group;
  const wanted = location.hash.slice(1);
  const steps = [...document.querySelectorAll(".step")];
  const current = steps.find(({ id }) => id === wanted) ?? (wanted === "main" ? steps.find(({ hidden }) => !hidden) : steps[0]);
  for (const step of steps) step.hidden = step !== current;
  for (const link of document.querySelectorAll(".steps a")) {
    if (link.hash === `#${current.id}`) link.setAttribute("aria-current", "step");
    else link.removeAttribute("aria-current");
  }
  DRAW[current.id]?.(hour);
  if (wanted !== "") {
    byId("main").focus({ preventScroll: true });
    scrollTo(0, 0);
  }
}

function begin() {
  const state = kept();
  const hour = new Hour(pageData, state, () => keep(state));
  prepareLaws(hour);
  prepareEdit(hour);
  prepareCompare(hour);
  prepareGather(hour);
  byId("group").value = state.group;
  byId("group").disabled = Boolean(state.seal);
  byId("group-form").addEventListener("submit", (event) => {
    event.preventDefault();
    if (!state.seal) state.group = cleanName(byId("group").value);
    byId("group").value = state.group;
    if (!state.group) {
      byId("group").focus();
      return;
    }
    hour.save();
    location.hash = "guess";
  });
  byId("guess-form").addEventListener("submit", async (event) => {
    event.preventDefault();
    await seal(hour);
    byId("group").disabled = Boolean(state.seal);
  });
  byId("forget").addEventListener("click", () => {
    keep(null);
    location.hash = "";
    location.reload();
  });
  addEventListener("hashchange", () => showStep(hour));
  showStep(hour);
}

begin();
