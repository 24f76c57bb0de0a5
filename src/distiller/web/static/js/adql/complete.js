// What can be written at a place, from the document of /adql/completion.json.

import { nameIsDue, placeOf, tableIsDue, typeIsDue } from "./words.js";

const PRINCIPAL = 2;
const COLUMN = 1;
const FUNCTION = -1;
const KEYWORD = -2;

// Options {label, insert, kind, detail, about, boost}, and from where they replace.
export function optionsAt(text, position, vocabulary) {
  const place = placeOf(text, position, vocabulary.tables);
  if (place === null) return null;
  const due = tableIsDue(place);
  const options = place.dotted
    ? qualified(place, vocabulary, due)
    : free(place, vocabulary, due);
  if (options.length === 0) return null;
  const quoted = place.prefix.startsWith('"');
  return {
    from: place.from,
    options: quoted ? options.map(inQuotes) : options,
    asked: place.prefix !== "" || place.dotted || due,
  };
}

function inQuotes(option) {
  const parts = option.parts ?? [option.insert];
  const name = parts.map((part) => (part.startsWith('"') ? part : `"${part}"`)).join(".");
  return { ...option, label: name, insert: name };
}

function free(place, vocabulary, due) {
  if (typeIsDue(place)) return vocabulary.types.map((name) => word(name, "type"));
  if (nameIsDue(place)) return [];
  if (due) return [...local(place), ...vocabulary.tables.map(table), ...schemas(vocabulary)];
  return [
    ...columns(place),
    ...sources(place),
    ...vocabulary.functions.map(call),
    ...vocabulary.keywords.map((name) => word(name, "keyword")),
  ];
}

function qualified(place, vocabulary, due) {
  const whole = place.chain.join(".");
  if (due) return tablesOf(whole, vocabulary);
  for (const level of place.levels) {
    const source = level.sources.find((s) => s.name === whole || s.full === whole);
    if (source) return (source.columns ?? []).map((c) => column(c, whole));
  }
  return tablesOf(whole, vocabulary);
}

function tablesOf(schema, vocabulary) {
  return vocabulary.tables
    .filter((t) => t.name.startsWith(`${schema}.`))
    .map((t) => ({ ...table(t), label: t.name.slice(schema.length + 1), insert: t.parts[1], parts: [t.parts[1]] }));
}

// Columns of every visible table; one that several have is written with its table.
function columns(place) {
  const found = new Map();
  for (const level of place.levels) {
    const inner = new Set(found.keys());
    for (const source of level.sources) {
      for (const one of source.columns ?? []) {
        if (inner.has(one.name)) continue;
        found.set(one.name, [...(found.get(one.name) ?? []), { source, one }]);
      }
    }
  }
  return [...found.values()].flatMap((all) =>
    all.map(({ source, one }) => {
      const option = column(one, source.name ?? "");
      if (all.length === 1 || !source.name) return option;
      const whose = `${source.name}.`;
      return { ...option, label: whose + option.label, insert: whose + option.insert };
    }),
  );
}

function sources(place) {
  const names = place.levels.flatMap((level) => level.sources).map((s) => s.name);
  return [...new Set(names.filter(Boolean))].map((name) => ({
    label: name,
    insert: name,
    kind: "table",
    detail: "in FROM",
    boost: COLUMN,
  }));
}

function local(place) {
  const [level] = place.levels;
  return [...level.known.values()]
    .filter((t) => t.local)
    .map((t) => ({ label: t.name, insert: t.name, kind: "table", detail: "in WITH", boost: PRINCIPAL }));
}

function schemas(vocabulary) {
  const names = new Map(vocabulary.tables.map((t) => [t.name.split(".")[0], t.parts[0]]));
  return [...names].map(([name, part]) => ({ label: name, insert: `${part}.`, kind: "schema", detail: "schema", boost: 0, again: true }));
}

function table(one) {
  return { label: one.name, insert: one.parts.join("."), parts: one.parts, kind: "table", detail: "table", about: { description: one.description }, boost: COLUMN };
}

function column(one, whose) {
  return {
    label: one.name,
    insert: one.insert,
    kind: "column",
    detail: one.unit ?? "",
    about: { ...one, whose },
    boost: one.principal ? PRINCIPAL : COLUMN,
  };
}

function call(one) {
  return {
    label: one.name,
    insert: one.name,
    kind: "function",
    detail: "function",
    about: { form: one.form, description: one.description },
    boost: FUNCTION,
  };
}

function word(name, kind) {
  return { label: name, insert: name, kind, detail: "", boost: KEYWORD };
}
