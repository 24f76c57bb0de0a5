// The last queries that ran, in the storage of this browser.

const KEY = "adql-history";
const MOST = 30;
const LONGEST = 20_000;

export function remembered() {
  try {
    const kept = JSON.parse(localStorage.getItem(KEY) ?? "[]");
    return Array.isArray(kept) ? kept.filter((q) => typeof q === "string").slice(0, MOST) : [];
  } catch {
    return [];
  }
}

export function remember(query) {
  const text = query.trim();
  if (text === "" || text.length > LONGEST) return;
  const kept = [text, ...remembered().filter((q) => q !== text)].slice(0, MOST);
  try {
    localStorage.setItem(KEY, JSON.stringify(kept));
  } catch {
    // No storage, or it is full: the query itself is not lost.
  }
}

export function forget() {
  try {
    localStorage.removeItem(KEY);
  } catch {
    // There is nothing to forget then.
  }
}
