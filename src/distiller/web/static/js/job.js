// The page of a job: its log follows the newest line until the reader scrolls up.

let isFollowing = true;

function isAtEnd(log) {
  return log.scrollTop + log.clientHeight >= log.scrollHeight - 4;
}

function follow() {
  const log = document.querySelector(".log");
  if (log && isFollowing) log.scrollTop = log.scrollHeight;
}

// Caught on the way down: scrolling does not bubble, and the log may be put anew.
document.addEventListener(
  "scroll",
  (event) => {
    if (event.target.classList?.contains("log")) isFollowing = isAtEnd(event.target);
  },
  true,
);
document.addEventListener("htmx:after:swap", follow);
follow();
