// The alarm of a gallery: it stays on top of the page, whatever else comes and goes.

/** Take an alarm out of a part of a page and put it where it stays. */
export function keepAlarm(part) {
  const alarm = part.querySelector("[data-alarm]");
  if (!alarm) {
    return;
  }
  alarm.remove();
  const place = document.getElementById("alarm");
  // Only what is new, so that it is read out once.
  if (place.textContent.trim() !== alarm.textContent.trim()) {
    place.replaceChildren(alarm);
  }
}

/** Return a part of a page that the desk sent, without its alarm, which is kept. */
export function partOf(html) {
  const part = document.createElement("div");
  part.innerHTML = html;
  keepAlarm(part);
  return part;
}
