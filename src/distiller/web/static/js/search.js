// The search page: choosing rows, guarding an edited query, saying that it searches.

const SHOW_WAIT_MS = 300;

function boxes() {
  return [...document.querySelectorAll('[data-selection] input[name="obs"]')];
}

function showPicked() {
  const all = boxes();
  const picked = all.filter((box) => box.checked).length;
  const words = document.querySelector("[data-picked]");
  if (!words) return;
  if (picked === 0) {
    words.innerHTML = "<strong>Tick rows</strong> to analyse or download them";
  } else {
    words.innerHTML = "<strong></strong> selected:";
    words.firstChild.textContent = `${picked} row${picked === 1 ? "" : "s"}`;
  }
  document.querySelector("[data-bar]").classList.toggle("picked", picked > 0);
  for (const button of document.querySelectorAll("[data-needs-pick]")) {
    button.disabled = picked === 0;
  }
  const whole = document.querySelector("[data-pick-all]");
  whole.checked = picked === all.length;
  whole.indeterminate = picked > 0 && picked < all.length;
}

function startPicking() {
  const whole = document.querySelector("[data-pick-all]");
  if (!whole) return;
  whole.hidden = false;
  document.querySelector("[data-pick-word]").remove();
  let latest = null;
  whole.addEventListener("change", () => {
    for (const box of boxes()) box.checked = whole.checked;
    showPicked();
  });
  document.querySelector("[data-selection] tbody").addEventListener("click", (event) => {
    const box = event.target.closest('input[name="obs"]');
    if (!box) return;
    if (event.shiftKey && latest) {
      const all = boxes();
      const ends = [all.indexOf(latest), all.indexOf(box)].sort((a, b) => a - b);
      for (const other of all.slice(ends[0], ends[1] + 1)) other.checked = box.checked;
    }
    latest = box;
    showPicked();
  });
  showPicked();
}

function startGuard() {
  const text = document.querySelector("[data-adql]");
  if (!text) return;
  const edited = () => text.value !== text.defaultValue;
  let running = false;
  text.form.addEventListener("submit", () => {
    running = true;
  });
  text.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) text.form.requestSubmit();
  });
  window.addEventListener("beforeunload", (event) => {
    if (edited() && !running) event.preventDefault();
  });
  // An edit that was run stands in the address; leaving it for the form loses it.
  for (const link of document.querySelectorAll("[data-discards-edit]")) {
    link.addEventListener("click", (event) => {
      const sure = window.confirm("Go back to the form? The ADQL as you edited it is left behind.");
      if (sure) running = true;
      else event.preventDefault();
    });
  }
}

function startWaiting() {
  let timer = 0;
  const wait = () => {
    timer = window.setTimeout(() => {
      document.documentElement.classList.add("busy");
    }, SHOW_WAIT_MS);
  };
  for (const form of document.querySelectorAll("[data-search-form]")) {
    form.addEventListener("submit", wait);
  }
  window.addEventListener("pageshow", () => {
    window.clearTimeout(timer);
    document.documentElement.classList.remove("busy");
  });
}

// Empty fields would only lengthen the address.
function startShortAddresses() {
  const form = document.getElementById("search-form");
  form?.addEventListener("formdata", (event) => {
    for (const [name, value] of [...event.formData]) {
      if (value === "" || (name === "pos" && value === "footprint")) {
        event.formData.delete(name);
      }
    }
  });
}

startPicking();
startGuard();
startWaiting();
startShortAddresses();
window.addEventListener("pageshow", showPicked);
