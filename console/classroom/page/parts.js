/* What the steps are drawn with. Text goes in as text: nothing that somebody typed or sent is ever markup. */

const SVG = "http://www.w3.org/2000/svg";

/**
 * An element.
 * @param {string} name of the element
 * @param {object} attributes; those that begin with "on" are listeners, `text` is its text
 * @param {...(Node|string|null)} children
 */
export function el(name, attributes = {}, ...children) {
  return dressed(document.createElement(name), attributes, children);
}

/** An element of a drawing. */
export function svg(name, attributes = {}, ...children) {
  return dressed(document.createElementNS(SVG, name), attributes, children);
}

function dressed(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "text") element.textContent = value;
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

/** The element of the page with an id. */
export const byId = (id) => document.getElementById(id);

/** Says something to people who do not see the page change. */
export function announce(words) {
  byId("announcements").textContent = words;
}

/** A drop-down's options: pairs of value and words. */
export function fill(select, options, chosen) {
  select.replaceChildren(...options.map(([value, words]) => el("option", { value, selected: value === chosen, text: words })));
}

/** A labelled drop-down. */
export function choice(id, label, options, chosen, onChange) {
  const select = el("select", { id, onchange: (event) => onChange(event.target.value) });
  fill(select, options, chosen);
  return el("div", { class: "field" }, el("label", { for: id, text: label }), select);
}

/** An answer as a word with a shape of its own. */
export function word(answer) {
  return el("span", { class: `word ${answer}`, text: answer.replaceAll("_", " ") });
}

/** A table in a frame that can be moved sideways with the keyboard. */
export function wide(label, table) {
  return el("div", { class: "wide", tabindex: "0", role: "region", "aria-label": label }, table);
}

const told = (number) => Math.round(number).toLocaleString("en-US");

/** A yardstick's value in words: the dot, and the range where there is one. */
export function inNumbers({ never, dot, always }) {
  const [low, high] = [Math.min(never, always), Math.max(never, always)].map(told);
  return { dot: told(dot), range: low === high ? "" : `${low} to ${high}` };
}

function bar({ never, dot, always }, most) {
  const scale = (number) => (most > 0 ? (100 * number) / most : 0);
  const [low, high] = [Math.min(never, always), Math.max(never, always)].map(scale);
  return svg(
    "svg",
    { viewBox: "0 0 100 14", preserveAspectRatio: "none", "aria-hidden": "true" },
    svg("rect", { class: "track", x: 0, y: 5, width: 100, height: 4 }),
    svg("rect", { class: "spread", x: low, y: 2, width: Math.max(high - low, 0.6), height: 10 }),
    svg("rect", { class: "dot", x: Math.min(Math.max(scale(dot) - 0.7, 0), 98.6), y: 0, width: 1.4, height: 14 }),
  );
}

/**
 * A yardstick under several laws: numbers, and bars on one scale.
 * @param {object} yardstick one of the page's data
 * @param {{name: string, value: object, isOwn: boolean}[]} rows
 * @param {string} level of its heading
 */
export function yardstickTable(yardstick, rows, level = "h2") {
  const most = Math.max(...rows.flatMap(({ value }) => [value.never, value.dot, value.always]));
  const body = rows.map(({ name, value, isOwn }) => {
    const { dot, range } = inNumbers(value);
    return el(
      "tr",
      { class: isOwn ? "own" : null },
      el("th", { scope: "row", text: name }),
      el("td", { class: "number" }, el("strong", { text: dot }), range ? el("span", { class: "range", text: range }) : null),
      el("td", {}, bar(value, most)),
    );
  });
  const head = ["Law", "Number, range", "From 0"].map((text, place) =>
    el("th", { scope: "col", class: place === 1 ? "number" : null, text }),
  );
  return el(
    "section",
    { class: "yardstick" },
    el(level, { text: yardstick.words }),
    el("p", { class: "soft", text: yardstick.why }),
    el("table", {}, el("thead", {}, el("tr", {}, ...head)), el("tbody", {}, ...body)),
  );
}
