// What the pages use of CodeMirror; scripts/vendor_static.py bundles it with esbuild.
// Our own scripts import from the bundle and are served as they are written.

export { Compartment, EditorState, Prec } from "@codemirror/state";
export {
  EditorView,
  drawSelection,
  highlightActiveLine,
  keymap,
  lineNumbers,
  placeholder,
} from "@codemirror/view";
export { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
export { HighlightStyle, bracketMatching, syntaxHighlighting } from "@codemirror/language";
export {
  acceptCompletion,
  autocompletion,
  closeCompletion,
  completionStatus,
  pickedCompletion,
  startCompletion,
} from "@codemirror/autocomplete";
export { forceLinting, linter, nextDiagnostic } from "@codemirror/lint";
export { SQLDialect } from "@codemirror/lang-sql";
export { tags } from "@lezer/highlight";
