// Both sides: the dots, which only move from group to group, and the run while it is counted.

import { announce, ask, block, put, remember, rest } from "./console.js";
import { number, pause } from "./elements.js";

const ASK_AGAIN_MS = 350;
const HEADING = 30;
const GAP = 12;
const SVG = "http://www.w3.org/2000/svg";

const region = document.getElementById("picture");

/** Asks how far the run is until it is there, then puts it in its place. */
async function follow() {
  try {
    await finish(await counted());
  } catch (problem) {
    say(problem.message);
  }
}

/** How the run has ended. */
async function counted() {
  const search = runSearch();
  let run = await ask(`/claims/run?${search}`);
  while (run.state === "counting") {
    showCounting(run);
    await pause(ASK_AGAIN_MS);
    run = await ask(`/claims/run?${search}`);
  }
  return run;
}

function showCounting(run) {
  say(`The run is being counted: ${run.words}.`);
  const progress = document.getElementById("progress");
  if (!progress) return;
  progress.max = run.of;
  progress.value = run.done;
}

async function finish(run) {
  if (run.state === "cancelled") {
    say("The count was cancelled. Load the page again, or ask for another run below.");
    for (const id of ["cancel", "progress"]) document.getElementById(id)?.remove();
    return;
  }
  region.dataset.state = run.state;
  for (const id of ["picture", "table"]) put(document.getElementById(id), await block(id));
  announce(run.state === "counted" ? "The run is counted." : run.error);
}

/** The part of the address that says which run it is. */
function runSearch() {
  const form = document.querySelector("form.filter");
  const search = new URLSearchParams();
  for (const name of ["scenario", "explanation", "bookings", "seed"]) {
    const field = form.elements.namedItem(name);
    if (field) search.set(name, field.value);
  }
  return search.toString();
}

function say(words) {
  const line = document.getElementById("at");
  if (line) line.textContent = words;
}

/** The picture: which group every dot is in under each ruler, and where it stands. */
class Dots {
  constructor(form) {
    this.form = form;
    this.data = JSON.parse(document.getElementById("dots-data").textContent);
    this.svg = document.getElementById("dots");
    this.dots = [...this.svg.querySelectorAll(".dot")];
    this.halo = document.getElementById("halo");
    this.followed = null;
    this.places = [];
  }

  get ruler() {
    return this.form.querySelector("[name=ruler]:checked").value;
  }

  get base() {
    return this.form.querySelector("[name=base]:checked").value;
  }

  /** The dots of each group in order, and at the end those that the denominator leaves out. */
  groups() {
    const groups = this.data.groups[this.ruler].map((group) => ({ ...group, dots: [] }));
    const apart = { words: "not counted here", mark: "out", dots: [] };
    const places = this.data.places[this.ruler];
    const counts = this.data.counts[this.base];
    this.dots.forEach((_, index) => (counts[index] ? groups[places[index]] : apart).dots.push(index));
    return [...groups.filter((group) => group.dots.length), ...(apart.dots.length ? [apart] : [])];
  }

  /** Puts every dot where its group is; nothing is made or taken away but headings. */
  arrange() {
    const width = this.svg.clientWidth || 1152;
    const pitch = width < 500 ? 15 : 18;
    const columns = Math.max(1, Math.floor(width / pitch));
    const headings = document.getElementById("headings");
    headings.replaceChildren();
    let top = 0;
    for (const group of this.groups()) {
      headings.append(heading(`${group.words}: ${number(group.dots.length)}`, top + 19));
      group.dots.forEach((index, place) => {
        const x = (place % columns) * pitch + pitch / 2;
        const y = top + HEADING + Math.floor(place / columns) * pitch + pitch / 2;
        this.dots[index].setAttribute("href", `#mark-${group.mark}`);
        this.dots[index].style.transform = `translate(${x}px, ${y}px)`;
        this.places[index] = [x, y];
      });
      top += HEADING + Math.ceil(group.dots.length / columns) * pitch + GAP;
    }
    this.svg.setAttribute("viewBox", `0 0 ${width} ${top}`);
    this.svg.setAttribute("height", top);
    this.moveHalo();
  }

  /** Shows the sentence that goes with the ruler and the denominator. */
  tell() {
    const id = `${this.ruler}-${this.base}`;
    for (const said of region.querySelectorAll(".said")) said.hidden = said.id !== `said-${id}`;
    for (const button of this.form.querySelectorAll("[name=sentence]")) {
      button.setAttribute("aria-pressed", String(button.value === id));
    }
    const sentence = document.querySelector(`#said-${id} .sentence strong`).textContent;
    document.getElementById("dots-words").textContent = sentence;
    for (const form of document.querySelectorAll("form.filter, .run form")) {
      form.elements.namedItem("ruler").value = this.ruler;
      form.elements.namedItem("base").value = this.base;
    }
    return sentence;
  }

  /** Another ruler or another denominator was chosen. */
  change() {
    this.arrange();
    announce(this.tell());
    const address = new URL(location.href);
    address.searchParams.delete("sentence");
    address.searchParams.set("ruler", this.ruler);
    address.searchParams.set("base", this.base);
    remember(address.pathname + address.search + address.hash);
  }

  /** Chooses one of the four sentences. */
  choose(value) {
    const [ruler, base] = value.split("-");
    this.form.querySelector(`[name=ruler][value=${ruler}]`).checked = true;
    this.form.querySelector(`[name=base][value=${base}]`).checked = true;
    this.change();
  }

  /** Rings one person's dot, and says who that is; by every ruler it is the same person. */
  followPerson(number) {
    const index = Number(number) - 1;
    this.followed = this.places[index] ? index : null;
    const nobody = number === "" ? "" : `There are people 1 to ${this.places.length}.`;
    const words = this.followed === null ? nobody : `Person ${number}: ${this.data.kinds[this.data.kind[index]]}`;
    document.getElementById("followed").textContent = words;
    this.moveHalo();
  }

  moveHalo() {
    if (this.followed === null) {
      this.halo.setAttribute("hidden", "");
      return;
    }
    const [x, y] = this.places[this.followed];
    this.halo.removeAttribute("hidden");
    this.halo.style.transform = `translate(${x}px, ${y}px)`;
  }

  start() {
    this.arrange();
    requestAnimationFrame(() => requestAnimationFrame(() => this.svg.classList.remove("still")));
    this.form.addEventListener("change", () => this.change());
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (event.submitter?.name === "sentence") this.choose(event.submitter.value);
    });
    this.form.ownerDocument.getElementById("follow").addEventListener("input", (event) => this.followPerson(event.target.value));
    let width = this.svg.clientWidth;
    new ResizeObserver(() => {
      if (this.svg.clientWidth === width) return;
      width = this.svg.clientWidth;
      this.arrange();
    }).observe(this.svg);
  }
}

function heading(words, y) {
  const text = document.createElementNS(SVG, "text");
  text.setAttribute("x", "2");
  text.setAttribute("y", y);
  text.textContent = words;
  return text;
}

function start() {
  const form = document.getElementById("view");
  if (form) new Dots(form).start();
}

document.addEventListener("drawn", (event) => {
  if (event.detail === region) start();
});

document.addEventListener("click", async (event) => {
  if (event.target.id !== "cancel") return;
  rest(event.target, true);
  await ask(`/claims/cancel?${runSearch()}`, { method: "POST" });
});

start();
if (region.dataset.state === "counting") follow();
