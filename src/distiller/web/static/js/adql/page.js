// The ADQL page: editor, results without leaving it, examples and history.

import { startEditor } from "./editor.js";
import { forget, remember, remembered } from "./history.js";

const SHOW_WAIT_MS = 300;
const LONGEST_ADDRESS = 6000;
const LONGEST_TITLE = 90;

const form = document.querySelector("[data-adql-form]");
const account = form.dataset.account;
const field = form.querySelector("[data-query]");
const results = document.querySelector("[data-results]");
const typed = form.querySelector("[data-typed-faults]");
const said = form.querySelector("[data-said]");
const stop = form.querySelector("[data-stop]");
let settled = field.value;
let running = null;
let free = null; // the query that was found to have no faults
let shown = window.location.search;

const editor = startEditor(field, form.querySelector("[data-editor]"), {
  run: () => form.requestSubmit(),
  told: showTyped,
  changed: (text) => {
    field.value = text;
  },
});

function addressOf(query) {
  const given = new URLSearchParams({ query });
  if (form.rows.selectedIndex > 0) given.set("rows", form.rows.value);
  const text = given.toString();
  return text.length <= LONGEST_ADDRESS ? `/adql/?${text}` : "/adql/";
}

// A query that is run again is no new entry of the browser's history.
function goTo(address) {
  const isNew = address !== window.location.pathname + window.location.search;
  if (isNew) window.history.pushState(null, "", address);
  shown = window.location.search;
}

function button(text, press) {
  const made = document.createElement("button");
  made.type = "button";
  made.className = "plain-button";
  made.textContent = text;
  made.addEventListener("click", press);
  return made;
}

// Faults found while typing, each with its place as a button that leads there.
function showTyped(faults) {
  const lines = faults.map((fault) => {
    const line = document.createElement("p");
    const place = button(`line ${fault.line}, column ${fault.column}`, () => editor.jump(fault.line, fault.column));
    line.append(place, `: ${fault.message} `);
    return line;
  });
  typed.replaceChildren(...lines);
  // Those of the text that ran stand with its result.
  const said = editor.text() === settled && results.querySelector(".faults") !== null;
  typed.hidden = lines.length === 0 || said;
}

function showHistory() {
  const box = document.querySelector("[data-history]");
  const queries = remembered(account);
  box.hidden = queries.length === 0;
  const lines = queries.map((query) => {
    const line = document.createElement("li");
    const words = query.replace(/\s+/g, " ");
    const short = words.length > LONGEST_TITLE ? `${words.slice(0, LONGEST_TITLE)}…` : words;
    const press = button(short, () => load(query));
    press.title = query;
    line.append(press);
    return line;
  });
  box.querySelector("[data-history-list]").replaceChildren(...lines);
}

function load(query) {
  editor.replace(query.trim());
}

// The script runs a query beside the page, so that the editor keeps its place.
async function run() {
  running?.abort();
  const mine = new AbortController();
  running = mine;
  const query = editor.text();
  const wait = window.setTimeout(() => document.documentElement.classList.add("busy"), SHOW_WAIT_MS);
  stop.hidden = false;
  try {
    const body = new URLSearchParams(new FormData(form));
    const answer = await fetch("/adql/results", { method: "POST", body, signal: mine.signal });
    if (!answer.headers.has("X-Part")) throw new Error(`status ${answer.status}`);
    // Made by our own templates, which escape every value.
    results.innerHTML = await answer.text();
    settled = query;
    goTo(addressOf(query));
    if (answer.ok) remember(account, query);
    showHistory();
    startJumps();
    // Faults stand with the result now; those of the next text come with it.
    if (results.querySelector(".faults")) typed.hidden = true;
    said.textContent = results.querySelector("[role=status], [role=alert]")?.textContent ?? "";
  } catch (error) {
    if (running === mine) say(error.name === "AbortError" ? "Stopped." : "The server does not answer. Try again in a moment.");
  } finally {
    window.clearTimeout(wait);
    if (running === mine) {
      running = null;
      stop.hidden = true;
      document.documentElement.classList.remove("busy");
    }
  }
}

function say(text) {
  const box = document.createElement("div");
  box.className = "notice warning";
  box.setAttribute("role", "alert");
  box.append(Object.assign(document.createElement("p"), { textContent: text }));
  results.replaceChildren(box);
}

// The place of a fault becomes a button that leads to it.
function startJumps() {
  for (const place of results.querySelectorAll("[data-line]")) {
    const { line, column } = place.dataset;
    const jump = button(place.textContent, () => editor.jump(Number(line), Number(column)));
    jump.classList.add("fault");
    place.replaceWith(jump);
  }
}

// The page of the job comes next, but a query with faults stays in the editor.
async function runInBackground(event) {
  const query = editor.text();
  if (query === free) {
    settled = query;
    remember(account, query);
    return;
  }
  event.preventDefault();
  const faults = (await editor.check()) ?? [];
  if (editor.text() !== query) return;
  if (faults.length === 0) {
    free = query;
    form.requestSubmit(event.submitter);
    free = null;
    return;
  }
  showTyped(faults);
  const [{ line, column, message }] = faults;
  said.textContent = `Not run: line ${line}, column ${column}: ${message}`;
  editor.jump(line, column);
}

form.addEventListener("submit", (event) => {
  if (event.submitter?.hasAttribute("formaction")) {
    runInBackground(event);
    return;
  }
  event.preventDefault();
  run();
});
form.querySelector("label[for=query]").addEventListener("click", () => editor.focus());
stop.addEventListener("click", () => running?.abort());
for (const link of document.querySelectorAll("[data-example]")) {
  link.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    load(link.nextElementSibling.textContent);
  });
}
document.querySelector("[data-forget]").addEventListener("click", () => {
  forget(account);
  showHistory();
});
window.addEventListener("beforeunload", (event) => {
  const text = editor.text();
  if (text.trim() !== "" && text !== settled) event.preventDefault();
});
// Back and forward show the query of the address; a jump within the page changes nothing.
window.addEventListener("popstate", () => {
  if (window.location.search !== shown) window.location.reload();
});

if (results.querySelector(".table-frame")) remember(account, editor.text());
showHistory();
startJumps();
try {
  const answer = await fetch("/adql/completion.json");
  if (answer.ok) editor.know(await answer.json());
} catch {
  // Without the words the editor still edits, checks and runs.
}
