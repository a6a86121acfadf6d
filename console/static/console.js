// What every page does: values beside sliders, copy buttons, and forms whose answer is drawn in place.

/** Says something to people who do not see the page change. */
export function announce(words) {
  document.getElementById("announcements").textContent = words;
}

/** Marks a button whose work is under way, or that has none: pressing it does nothing, and it keeps the focus. */
export function rest(button, isResting) {
  if (isResting) button.setAttribute("aria-disabled", "true");
  else button.removeAttribute("aria-disabled");
}

/** Asks the console for JSON. Throws an Error whose message is the sentence that the console answers, with its code. */
export async function ask(path, options = {}) {
  const headers = { Accept: "application/json", ...(options.headers ?? {}) };
  if (options.json !== undefined) {
    headers["Content-Type"] = "application/json";
    options = { method: "POST", ...options, body: JSON.stringify(options.json) };
  }
  const response = await reach(path, { ...options, headers });
  if (response.ok) return response.status === 204 ? null : response.json();
  const told = await errorOf(response);
  const error = new Error(`${told.code}: ${told.message}`);
  error.code = told.code;
  throw error;
}

async function reach(address, options) {
  try {
    return await fetch(address, options);
  } catch (problem) {
    if (problem.name === "AbortError") throw problem;
    throw new Error("console-gone: the console does not answer; is it still up?");
  }
}

async function errorOf(response) {
  try {
    return (await response.json()).error;
  } catch {
    return { code: "console-error", message: `the console answered ${response.status}` };
  }
}

async function sentenceOf(response) {
  const told = await errorOf(response);
  return `${told.code}: ${told.message}.`;
}

/** The fields of a form as they stand in an address: those that are empty or as they came are left out. */
export function addressOf(form) {
  const search = new URLSearchParams();
  for (const [name, value] of new FormData(form)) {
    if (typeof value === "string" && value !== "") search.append(name, value);
  }
  const text = search.toString();
  return text ? `${location.pathname}?${text}` : location.pathname;
}

/** Keeps a page's state in its address, so that it can be sent to somebody. */
export function remember(address) {
  history.replaceState(null, "", address);
}

/**
 * One block of a page, drawn anew by the console.
 * @param {string} name the block's.
 * @param {string} address the page with its state; this one, if none is given.
 */
export async function block(name, address = location.pathname + location.search, signal = undefined) {
  // Accept: so that a refusal comes as a sentence.
  const response = await reach(address, { headers: { Accept: "application/json", "X-Fragment": name }, signal });
  if (!response.ok) throw new Error(await sentenceOf(response));
  return response.text();
}

/** Puts what the console has drawn into its place, and lets the page's scripts know. */
export function put(region, html) {
  region.innerHTML = html;
  document.dispatchEvent(new CustomEvent("drawn", { detail: region }));
}

/** Copies a text, and says on the button that was pressed whether that went well. */
export async function copy(button, text, otherwise) {
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch {
    button.textContent = otherwise;
  }
  announce(button.textContent);
}

// <form data-updates="ID">: whenever a field changes, the page's state goes into the address, and the block and the
// element named ID are drawn anew by the console. Until it has answered, what was there stays.
function liveForm(form) {
  const id = form.dataset.updates;
  let waiting = null;
  let timer = null;

  async function update() {
    waiting?.abort();
    waiting = new AbortController();
    const region = document.getElementById(id);
    const address = addressOf(form);
    remember(address);
    region.setAttribute("aria-busy", "true");
    try {
      put(region, await block(id, address, waiting.signal));
      announce(form.dataset.announces ?? "The page shows the new result.");
    } catch (problem) {
      if (problem.name === "AbortError") return; // whoever came after it says when it is there
      announce(`${problem.message} What you see is the last answer.`);
    }
    region.removeAttribute("aria-busy");
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    update();
  });
  form.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(update, 150);
  });
}

function prepare(root) {
  for (const form of root.querySelectorAll("form[data-updates]")) liveForm(form);
}

document.addEventListener("input", (event) => {
  const slider = event.target;
  if (slider.type !== "range") return;
  const output = slider.parentElement.querySelector("output");
  if (output) output.textContent = `${slider.value}${output.dataset.unit ?? ""}`;
});

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy]");
  if (button) copy(button, button.dataset.copy, "Select it and copy by hand");
});

document.addEventListener("click", (event) => {
  if (!event.target.closest("button[aria-disabled=true]")) return;
  event.preventDefault();
  event.stopImmediatePropagation();
}, true);

document.addEventListener("drawn", (event) => prepare(event.detail));
prepare(document);
