// Every page: the theme button, the keys, and what logging out forgets.

import { forget } from "./adql/history.js";

const ORDER = ["auto", "light", "dark"];

function storedTheme() {
  try {
    const chosen = localStorage.getItem("theme");
    return ORDER.includes(chosen) ? chosen : "auto";
  } catch {
    return "auto";
  }
}

function applyTheme(button, theme) {
  const root = document.documentElement;
  if (theme === "auto") {
    root.removeAttribute("data-bs-theme");
  } else {
    root.setAttribute("data-bs-theme", theme);
  }
  button.querySelector("[data-theme-name]").textContent = theme;
  button.setAttribute("aria-label", `Theme: ${theme}. Change it`);
}

function startTheme() {
  const button = document.querySelector("[data-theme-button]");
  if (!button) return;
  button.hidden = false;
  applyTheme(button, storedTheme());
  button.addEventListener("click", () => {
    const next = ORDER[(ORDER.indexOf(storedTheme()) + 1) % ORDER.length];
    try {
      localStorage.setItem("theme", next);
    } catch {
      // It holds for this page only.
    }
    applyTheme(button, next);
  });
}

function isTyping(target) {
  const field = target.closest("input, textarea, select, [contenteditable]");
  return field !== null && !["checkbox", "radio", "button", "submit"].includes(field.type);
}

function searchBox() {
  const boxes = [...document.querySelectorAll("[data-search-box]")];
  return boxes.find((box) => box.offsetParent !== null);
}

function startKeys() {
  const keys = document.getElementById("keys");
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.composedPath()[0])) return;
    if (event.key === "/") {
      const box = searchBox();
      if (!box) return;
      event.preventDefault();
      box.focus();
      box.select();
    } else if (event.key === "?" && keys && !keys.open) {
      event.preventDefault();
      keys.showModal();
    }
  });
  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-open-keys]");
    if (opener && keys) {
      event.preventDefault();
      keys.showModal();
    }
  });
}

// The next person at this browser does not see what this account asked.
function startLogOut() {
  const form = document.querySelector("[data-log-out]");
  form?.addEventListener("submit", () => forget(form.dataset.logOut));
}

startTheme();
startKeys();
startLogOut();
