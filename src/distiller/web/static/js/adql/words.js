// ADQL text to words, and which tables a place in it can see. It forgives what the
// server does not: a text is seldom whole while it is typed.

const TOKEN = new RegExp(
  [
    "(?<space>[ \\t\\r\\n\\f]+)",
    "(?<comment>--[^\\n]*)",
    "(?<word>[A-Za-z][A-Za-z0-9_]*)",
    "(?<number>(?:[0-9]+(?:\\.[0-9]*)?|\\.[0-9]+)(?:[eE][+-]?[0-9]+)?)",
    "(?<text>'(?:[^']|'')*(?:'|$))",
    '(?<name>"(?:[^"\\n]|"")*"|"\\w*)',
    "(?<sign><>|!=|<=|>=|\\|\\||[\\s\\S])",
  ].join("|"),
  "gu",
);

const SETS = new Set(["UNION", "EXCEPT", "INTERSECT"]);
const CLAUSES = new Set(["SELECT", "FROM", "WHERE", "GROUP", "HAVING", "ORDER", "OFFSET", "WITH"]);
const JOINS = new Set(["JOIN", "NATURAL", "INNER", "LEFT", "RIGHT", "FULL", "CROSS", "OUTER"]);
const NO_ALIAS = new Set([...SETS, ...CLAUSES, ...JOINS, "ON", "USING", "AS"]);

// Tokens with kind, text, value (upper case for words, without quotes for names),
// from and to. Comments are kept, since nothing is completed in them.
export function tokensOf(text) {
  const found = [];
  for (const match of text.matchAll(TOKEN)) {
    const kind = Object.keys(match.groups).find((name) => match.groups[name] !== undefined);
    if (kind === "space") continue;
    const written = match[0];
    let value = written;
    if (kind === "word") value = written.toUpperCase();
    if (kind === "name") value = written.slice(1).replace(/"$/, "").replaceAll('""', '"');
    found.push({ kind, text: written, value, from: match.index, to: match.index + written.length });
  }
  return found;
}

const isName = (token) => token !== undefined && (token.kind === "word" || token.kind === "name");
const isSign = (token, sign) => token !== undefined && token.kind === "sign" && token.text === sign;
const isWord = (token, ...words) => token?.kind === "word" && words.includes(token.value);

// As the catalog has names: lower case unless in quotes.
export const plain = (token) => (token.kind === "name" ? token.value : token.text.toLowerCase());

// The tokens as a tree: a parenthesis is a token of kind "group" with its tokens inside.
function treeOf(tokens) {
  const root = { kind: "group", inner: [], from: -1, to: Infinity };
  const open = [root];
  for (const token of tokens) {
    if (token.kind === "comment") continue;
    if (isSign(token, "(")) {
      const group = { kind: "group", text: "(", inner: [], from: token.from, to: Infinity };
      open.at(-1).inner.push(group);
      open.push(group);
    } else if (isSign(token, ")")) {
      if (open.length > 1) open.pop().to = token.to;
    } else {
      open.at(-1).inner.push(token);
    }
  }
  return root;
}

// The SELECTs of one level, between set operators.
function selectsOf(items) {
  const parts = [[]];
  for (const item of items) {
    if (isWord(item, ...SETS)) parts.push([]);
    else parts.at(-1).push(item);
  }
  return parts;
}

function isQuery(group) {
  const first = group.inner[0];
  return isWord(first, "SELECT", "WITH") || (first?.kind === "group" && isQuery(first));
}

// `a.b.c` from an index on: its names, and the index behind it.
function chainAt(items, index) {
  const names = [];
  while (isName(items[index])) {
    names.push(plain(items[index]));
    index += 1;
    if (!isSign(items[index], ".")) break;
    index += 1;
  }
  return { names, index };
}

function aliasAt(items, index) {
  if (isWord(items[index], "AS")) index += 1;
  const token = items[index];
  const free = isName(token) && !(token.kind === "word" && NO_ALIAS.has(token.value));
  return free ? { alias: plain(token), index: index + 1 } : { alias: null, index };
}

// What FROM names: {name, columns}, columns null where the table is unknown.
function sourcesOf(items, known) {
  const found = [];
  let due = true;
  for (let i = 0; i < items.length; ) {
    const item = items[i];
    if (isSign(item, ",") || isWord(item, "JOIN")) {
      due = true;
      i += 1;
    } else if (due && item.kind === "group") {
      const { alias, index } = aliasAt(items, i + 1);
      if (isQuery(item)) found.push({ name: alias, columns: columnsOf(item.inner, known) });
      else found.push(...sourcesOf(item.inner, known));
      due = false;
      i = Math.max(index, i + 1);
    } else if (due && isName(item)) {
      const { names, index } = chainAt(items, i);
      const table = known.get(names.join("."));
      const { alias, index: behind } = aliasAt(items, index);
      found.push({
        name: alias ?? names.at(-1),
        full: alias ? null : names.join("."),
        columns: table?.columns ?? null,
      });
      due = false;
      i = Math.max(behind, i + 1);
    } else {
      i += 1;
    }
  }
  return found;
}

// The clauses of one SELECT: [{word, items, from}].
function clausesOf(items) {
  const clauses = [];
  for (const item of items) {
    if (isWord(item, ...CLAUSES)) clauses.push({ word: item.value, items: [], from: item.from });
    else clauses.at(-1)?.items.push(item);
  }
  return clauses;
}

const clause = (clauses, word) => clauses.find((c) => c.word === word)?.items ?? [];

// WITH name AS (...), name AS (...): tables for what follows.
function withNames(items, known) {
  const all = new Map(known);
  const parts = clause(clausesOf(items), "WITH");
  for (let i = 0; i < parts.length; i += 1) {
    const group = parts[i];
    if (group.kind !== "group" || !isQuery(group)) continue;
    const named = parts.slice(0, i).filter(isName).filter((t) => !isWord(t, "AS"));
    const name = named.length > 0 ? plain(named.at(-1)) : null;
    if (name) all.set(name, { name, columns: columnsOf(group.inner, all), local: true });
  }
  return all;
}

// The columns that a query gives: of its first SELECT.
function columnsOf(items, known) {
  const all = withNames(items, known);
  const [first] = selectsOf(items);
  if (first[0]?.kind === "group" && isQuery(first[0])) return columnsOf(first[0].inner, all);
  const clauses = clausesOf(first);
  const sources = sourcesOf(clause(clauses, "FROM"), all);
  const outputs = [[]];
  for (const item of clause(clauses, "SELECT")) {
    if (isSign(item, ",")) outputs.push([]);
    else outputs.at(-1).push(item);
  }
  return outputs.flatMap((output) => columnsOfOutput(output, sources));
}

function columnsOfOutput(output, sources) {
  const last = output.at(-1);
  if (isSign(last, "*")) {
    const whose = isName(output.at(-3)) && isSign(output.at(-2), ".") ? plain(output.at(-3)) : null;
    return sources.filter((s) => !whose || s.name === whose).flatMap((s) => s.columns ?? []);
  }
  if (!isName(last)) return [];
  const name = plain(last);
  const known = sources.flatMap((s) => s.columns ?? []).find((c) => c.name === name);
  const isPlain = isSign(output.at(-2), ".") || output.length === 1;
  const insert = last.kind === "name" ? last.text : name;
  return [isPlain && known ? known : { name, insert, type: "" }];
}

// Every SELECT that a place stands in, the innermost first, with the tables it sees.
function levelsAt(group, position, known) {
  const items = group.inner;
  const all = withNames(items, known);
  const part = selectsOf(items).findLast((p) => p.length > 0 && p[0].from < position) ?? [];
  const inside = items.find((g) => g.kind === "group" && g.from < position && position < g.to);
  const clauses = clausesOf(part);
  const sources = sourcesOf(clause(clauses, "FROM"), all);
  const own = { sources, clauses, known: all, part };
  if (!inside) return [own];
  const inner = levelsAt(inside, position, all);
  // A parenthesis that is no query belongs to the SELECT around it.
  if (isQuery(inside)) return [...inner, own];
  return [{ ...own, inside: inner[0].part }, ...inner.slice(1)];
}

// What is known of a place: {prefix, from, chain, before, levels}; null where nothing
// is to be completed (in text, comments, numbers, behind AS).
export function placeOf(text, position, tables) {
  const tokens = tokensOf(text);
  const index = tokens.findLastIndex((t) => t.from < position);
  const at = tokens[index];
  const touched = at !== undefined && position <= at.to;
  if (touched && ["text", "comment", "number"].includes(at.kind)) {
    const closed = at.kind === "text" && position === at.to && /^'(?:[^']|'')*'$/.test(at.text);
    if (!closed) return null;
  }
  const typed = touched && isName(at);
  let behind = typed ? index - 1 : index;
  const chain = [];
  while (isSign(tokens[behind], ".") && isName(tokens[behind - 1])) {
    chain.unshift(plain(tokens[behind - 1]));
    behind -= 2;
  }
  const known = new Map(tables.map((table) => [table.name, table]));
  return {
    prefix: typed ? text.slice(at.from, position) : "",
    from: typed ? at.from : position,
    chain,
    dotted: isSign(tokens[typed ? index - 1 : index], "."),
    before: tokens.slice(0, behind + 1).filter((t) => t.kind !== "comment"),
    levels: levelsAt(treeOf(tokens), position, known),
  };
}

// Whether a table is due: behind FROM or JOIN, or a comma in FROM.
export function tableIsDue(place) {
  const last = place.before.at(-1);
  if (isWord(last, "FROM", "JOIN")) return true;
  if (!isSign(last, ",")) return false;
  const [level] = place.levels;
  return level.inside === undefined && clauseAt(level, last.from) === "FROM";
}

function clauseAt(level, position) {
  return level.clauses.findLast((c) => c.from < position)?.word ?? "";
}

// Whether a type is due: behind AS in CAST(...).
export function typeIsDue(place) {
  if (!isWord(place.before.at(-1), "AS")) return false;
  let depth = 0;
  for (let i = place.before.length - 1; i > 0; i -= 1) {
    if (isSign(place.before[i], ")")) depth += 1;
    if (isSign(place.before[i], "(")) {
      if (depth === 0) return isWord(place.before[i - 1], "CAST");
      depth -= 1;
    }
  }
  return false;
}

// Whether somebody gives a name of their own here.
export const nameIsDue = (place) => isWord(place.before.at(-1), "AS");
