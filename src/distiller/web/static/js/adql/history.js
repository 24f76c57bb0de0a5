// The last queries that ran, in the storage of this browser, of each account by itself.

const KEY = "adql-queries:";
const MOST = 30;
const LONGEST = 20_000;

// Those of nobody in particular have no name.
const keyOf = (account) => `${KEY}${account}`;

export function remembered(account) {
  try {
    const kept = JSON.parse(localStorage.getItem(keyOf(account)) ?? "[]");
    return Array.isArray(kept) ? kept.filter((q) => typeof q === "string").slice(0, MOST) : [];
  } catch {
    return [];
  }
}

export function remember(account, query) {
  const text = query.trim();
  if (text === "" || text.length > LONGEST) return;
  const kept = [text, ...remembered(account).filter((q) => q !== text)].slice(0, MOST);
  try {
    localStorage.setItem(keyOf(account), JSON.stringify(kept));
  } catch {
    // No storage, or it is full: the query itself is not lost.
  }
}

export function forget(account) {
  try {
    localStorage.removeItem(keyOf(account));
    // Until version 4 those of all accounts were kept together.
    localStorage.removeItem("adql-history");
  } catch {
    // There is nothing to forget then.
  }
}
