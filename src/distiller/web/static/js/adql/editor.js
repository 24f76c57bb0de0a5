// The editor: CodeMirror over the plain field, which stays what the form sends.

import * as cm from "/static/vendor/codemirror/codemirror.js";
import { optionsAt } from "./complete.js";

const CHECK_DELAY_MS = 400;
const INFO_WIDTH_PX = 300;

const theme = cm.EditorView.theme({
  "&": {
    fontSize: "13px",
    color: "var(--ink)",
    backgroundColor: "var(--page)",
    border: "1px solid var(--line-strong)",
    borderRadius: "var(--radius)",
  },
  "&.cm-focused": { outline: "2px solid var(--accent)", outlineOffset: "0" },
  ".cm-scroller": { fontFamily: "var(--mono)", lineHeight: "1.5", maxHeight: "60vh", overflow: "auto" },
  ".cm-content, .cm-gutter": { minHeight: "14rem" },
  ".cm-content": { caretColor: "var(--ink)", padding: "var(--space-2) 0" },
  ".cm-cursor": { borderLeftColor: "var(--ink)" },
  ".cm-placeholder": { color: "var(--ink-soft)" },
  ".cm-gutters": { backgroundColor: "var(--surface)", color: "var(--ink-soft)", borderRight: "1px solid var(--line)", borderRadius: "var(--radius) 0 0 var(--radius)" },
  ".cm-activeLine": { backgroundColor: "transparent" },
  "&.cm-focused .cm-activeLine": { backgroundColor: "var(--active-line)" },
  ".cm-selectionBackground, &.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground": { backgroundColor: "var(--selected)" },
  "&.cm-focused .cm-matchingBracket": { backgroundColor: "var(--accent-soft)", outline: "1px solid var(--accent)" },
  ".cm-lintRange-error": { backgroundImage: "none", textDecoration: "underline wavy var(--danger)", textDecorationSkipInk: "none", textUnderlineOffset: "3px", backgroundColor: "var(--danger-soft)" },
  ".cm-lintPoint-error:after": { borderBottomColor: "var(--danger)" },
  ".cm-tooltip": { border: "1px solid var(--line-strong)", borderRadius: "var(--radius)", backgroundColor: "var(--page)", color: "var(--ink)", boxShadow: "var(--shadow)" },
  ".cm-diagnostic-error": { borderLeftColor: "var(--oi-vermilion)" },
  ".cm-diagnosticAction": { backgroundColor: "var(--accent)", color: "var(--on-accent)", padding: "2px 8px" },
  ".cm-tooltip.cm-tooltip-autocomplete > ul": { fontFamily: "var(--mono)", maxWidth: "min(34rem, 90vw)", maxHeight: "16rem" },
  ".cm-tooltip.cm-tooltip-autocomplete > ul > li": { padding: "2px 8px", lineHeight: "1.5" },
  ".cm-tooltip-autocomplete ul li[aria-selected]": { backgroundColor: "var(--accent)", color: "var(--on-accent)" },
  ".cm-completionMatchedText": { textDecoration: "none", fontWeight: "700" },
  ".cm-completionDetail": { fontStyle: "normal", opacity: "1", color: "var(--ink-soft)" },
  "li[aria-selected] .cm-completionDetail": { color: "inherit" },
  ".cm-tooltip.cm-completionInfo": { maxWidth: "min(22rem, 90vw)", padding: "8px 12px", fontFamily: "var(--font)", lineHeight: "1.4" },
  ".about-name": { fontFamily: "var(--mono)", fontWeight: "700", overflowWrap: "anywhere" },
  ".about-facts": { display: "grid", gridTemplateColumns: "auto 1fr", gap: "0 8px", margin: "4px 0" },
  ".about-facts dt": { color: "var(--ink-soft)", fontWeight: "400" },
  ".about-facts dd": { margin: "0", fontFamily: "var(--mono)", overflowWrap: "anywhere" },
});

const colours = cm.HighlightStyle.define([
  { tag: cm.tags.keyword, color: "var(--accent-strong)", fontWeight: "600" },
  { tag: [cm.tags.standard(cm.tags.name), cm.tags.typeName], color: "var(--code-function)" },
  { tag: [cm.tags.string, cm.tags.special(cm.tags.string)], color: "var(--code-text)" },
  { tag: [cm.tags.number, cm.tags.bool, cm.tags.null], color: "var(--code-number)" },
  { tag: cm.tags.comment, color: "var(--ink-soft)", fontStyle: "italic" },
]);

function languageOf(vocabulary) {
  const all = (words) => words.join(" ").toLowerCase();
  return cm.SQLDialect.define({
    keywords: all(vocabulary.keywords),
    types: all(vocabulary.types.flatMap((type) => type.split(" "))),
    builtin: all(vocabulary.functions.map((f) => f.name)),
    identifierQuotes: '"',
  }).language;
}

function element(name, className, text) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

// What is known of an option, shown beside the list.
function aboutOf(option) {
  const { about } = option;
  if (!about) return undefined;
  return () => {
    const box = element("div");
    const name = about.whose ? `${about.whose}.${about.name}` : (about.form ?? option.label);
    box.append(element("div", "about-name", name));
    const facts = element("dl", "about-facts");
    for (const [title, value] of [["type", about.type], ["unit", about.unit], ["UCD", about.ucd], ["index", about.indexed && "yes"]]) {
      if (value) facts.append(element("dt", "", title), element("dd", "", value));
    }
    if (facts.childElementCount > 0) box.append(facts);
    if (about.description) box.append(element("div", "", about.description));
    return box;
  };
}

function applied(option) {
  return (view, completion, from, to) => {
    const behind = view.state.sliceDoc(to, to + 1);
    const opens = option.kind === "function" && behind !== "(";
    // The quote that closes a name may stand there already.
    const end = option.insert.endsWith('"') && behind === '"' ? to + 1 : to;
    const insert = option.insert + (opens ? "()" : "");
    view.dispatch({
      changes: { from, to: end, insert },
      selection: { anchor: from + insert.length - (opens && option.about?.form !== "PI()" ? 1 : 0) },
      annotations: cm.pickedCompletion.of(completion),
      userEvent: "input.complete",
    });
    if (option.again) cm.startCompletion(view);
  };
}

function completing(vocabulary) {
  return (context) => {
    const found = optionsAt(context.state.doc.toString(), context.pos, vocabulary);
    if (found === null || !(found.asked || context.explicit)) return null;
    return {
      from: found.from,
      options: found.options.map((option) => ({
        label: option.label,
        detail: option.detail || undefined,
        boost: option.boost,
        info: aboutOf(option),
        apply: applied(option),
      })),
      validFor: /^"?\w*$/,
    };
  };
}

// Beside the list where there is room, else under it, so that it hides no option.
function placeOfInfo(view, list, option, info, space) {
  if (space.right - list.right >= INFO_WIDTH_PX) {
    return { style: `left: 100%; top: 0; width: ${INFO_WIDTH_PX}px`, class: "" };
  }
  if (list.left - space.left >= INFO_WIDTH_PX) {
    return { style: `right: 100%; top: 0; width: ${INFO_WIDTH_PX}px`, class: "" };
  }
  return { style: `left: 0; top: ${list.bottom - list.top}px; width: ${list.right - list.left}px`, class: "" };
}

// Line and column of the server count characters, those of the editor UTF-16 units.
function offsetOf(doc, line, column) {
  if (line > doc.lines) return doc.length;
  const { from, text } = doc.line(line);
  return from + [...text].slice(0, column - 1).join("").length;
}

function diagnosticOf(doc, fault) {
  const from = offsetOf(doc, fault.line, fault.column);
  const rest = [...doc.sliceString(from, from + 2 * fault.length)];
  const to = from + rest.slice(0, fault.length).join("").length;
  // At the end of the text there is nothing to underline but what stands before.
  const begin = to === from ? doc.sliceString(0, from).trimEnd().length - 1 : from;
  const diagnostic = {
    from: Math.max(0, Math.min(begin, doc.length)),
    to: to === from ? Math.max(0, begin + 1) : to,
    severity: "error",
    message: fault.message,
    fault,
  };
  if (fault.instead) {
    diagnostic.actions = [
      {
        name: `Write ${fault.instead}`,
        apply: (view, start, end) =>
          view.dispatch({ changes: { from: start, to: end, insert: fault.instead }, userEvent: "input.hint" }),
      },
    ];
  }
  return diagnostic;
}

// Chromium replaces a selection by styled elements of its own, which the policy blocks
// with a complaint; so the change is made here.
const replacing = cm.EditorView.domEventHandlers({
  beforeinput(event, view) {
    const isPlain = event.inputType === "insertText" && event.data && !event.isComposing;
    if (!isPlain || view.state.selection.main.empty) return false;
    event.preventDefault();
    view.dispatch(view.state.replaceSelection(event.data), { userEvent: "input.type", scrollIntoView: true });
    return true;
  },
});

// The faults that the server tells of a text; null where it cannot say.
async function checked(text) {
  try {
    const answer = await fetch("/adql/check", { method: "POST", body: new URLSearchParams({ query: text }) });
    return answer.ok ? (await answer.json()).faults : null;
  } catch {
    return null;
  }
}

function checking(told) {
  return cm.linter(
    async (view) => {
      const { doc } = view.state;
      const faults = (await checked(doc.toString())) ?? [];
      told(faults);
      return faults.map((fault) => diagnosticOf(doc, fault));
    },
    { delay: CHECK_DELAY_MS },
  );
}

// Put the editor over a field. `run` is called by Ctrl-Enter, `told` with the faults
// found while typing, `changed` with every new text.
export function startEditor(field, place, { run, told, changed }) {
  // Styles of CodeMirror are sheets made by script: the policy allows them in a shadow
  // root, where they are adopted, not as elements in the page.
  const root = place.attachShadow({ mode: "open" });
  const language = new cm.Compartment();
  const completion = new cm.Compartment();
  const keys = [
    { key: "Mod-Enter", run: (view) => (cm.closeCompletion(view), run(), true), preventDefault: true },
    { key: "Tab", run: cm.acceptCompletion },
    { key: "F8", run: cm.nextDiagnostic },
  ];
  const view = new cm.EditorView({
    root,
    parent: root,
    state: cm.EditorState.create({
      doc: field.value,
      extensions: [
        cm.Prec.highest(cm.keymap.of(keys)),
        cm.keymap.of([...cm.defaultKeymap, ...cm.historyKeymap]),
        cm.history(),
        cm.lineNumbers(),
        cm.drawSelection(),
        replacing,
        cm.highlightActiveLine(),
        cm.bracketMatching(),
        cm.placeholder("SELECT TOP 10 * FROM ivoa.obscore"),
        cm.EditorView.lineWrapping,
        cm.EditorView.contentAttributes.of({ "aria-label": "Query in ADQL", autocapitalize: "off", spellcheck: "false" }),
        cm.EditorView.updateListener.of((update) => {
          if (update.docChanged) changed(update.state.doc.toString());
        }),
        theme,
        cm.syntaxHighlighting(colours),
        language.of([]),
        completion.of([]),
        checking(told),
      ],
    }),
  });
  place.hidden = false;
  field.hidden = true;
  return {
    text: () => view.state.doc.toString(),
    focus: () => view.focus(),
    // The faults of the text, which are marked, too; null where the server cannot say.
    check: () => (cm.forceLinting(view), checked(view.state.doc.toString())),
    // One change of the whole text, which the keys for "undo" take back.
    replace(text) {
      view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text }, selection: { anchor: 0 }, userEvent: "input.load" });
      cm.forceLinting(view);
      view.focus();
    },
    jump(line, column) {
      view.dispatch({ selection: { anchor: offsetOf(view.state.doc, line, column) }, scrollIntoView: true });
      view.focus();
    },
    know(vocabulary) {
      view.dispatch({
        effects: [
          language.reconfigure(languageOf(vocabulary)),
          completion.reconfigure(cm.autocompletion({ override: [completing(vocabulary)], icons: false, positionInfo: placeOfInfo, maxRenderedOptions: 300 })),
        ],
      });
    },
  };
}
