// Runs before the first paint: the theme chosen by hand, if any.
(() => {
  try {
    const chosen = localStorage.getItem("theme");
    if (chosen === "light" || chosen === "dark") {
      document.documentElement.setAttribute("data-bs-theme", chosen);
    }
  } catch {
    // No storage: the system's theme it is.
  }
  document.documentElement.classList.add("js");
})();
