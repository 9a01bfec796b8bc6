"use strict";
// Pages are whole without this: it only says times in the reader's own zone.
const shown = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
function showTimes(root) {
  for (const time of root.querySelectorAll("time[data-instant]")) {
    const at = new Date(time.dateTime);
    if (!Number.isNaN(at.getTime())) {
      time.title = time.textContent;
      time.textContent = shown.format(at);
    }
  }
}
showTimes(document);
