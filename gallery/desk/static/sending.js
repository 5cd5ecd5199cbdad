// Requests of a page's scripts, with the form token of the browser's session.
import { partOf } from "/static/alarm.js";

let formToken = document.body.dataset.formToken ?? "";

function once(address, data) {
  return fetch(address, {
    method: "POST",
    body: data,
    headers: { "X-Fragment": "1", "X-Form-Token": formToken },
  });
}

/** Take the token of a session that began after the page was shown, in another tab; tell if there is one. */
async function renewed() {
  const answer = await fetch("/form-token");
  const token = answer.ok ? await answer.text() : formToken;
  const isNew = token !== formToken;
  formToken = token;
  return isNew;
}

/** Send a form's data; return the desk's answer. */
export async function post(address, data) {
  const answer = await once(address, data);
  return answer.status === 403 && (await renewed()) ? once(address, data) : answer;
}

/** Return the words of an answer that reports a problem. */
export async function problemIn(answer) {
  const part = partOf(await answer.text());
  return (part.querySelector("[role=alert]") ?? part).textContent.trim();
}
