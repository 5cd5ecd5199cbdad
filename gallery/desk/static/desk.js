// Makes the desk's pages more convenient. Each works without it, but for the camera.
import { startCamera, frameOf } from "/static/camera.js";
import { partOf } from "/static/alarm.js";
import { startFolder } from "/static/folder.js";
import { startLive } from "/static/live.js";
import { post, problemIn } from "/static/sending.js";

const AGAIN_AFTER = 1000;
const LOOK_AGAIN = 3000;

/** Send a form's data in the background and show the part of the page that changed. */
async function send(form, data) {
  const status = form.querySelector(".status");
  const buttons = form.querySelectorAll("button");
  status.textContent = form.dataset.working;
  buttons.forEach((button) => (button.disabled = true));
  try {
    const answer = await post(form.action, data);
    if (answer.redirected) {
      location.assign(answer.url);
      return;
    }
    const target = document.getElementById(form.dataset.target);
    target.replaceChildren(...partOf(await answer.text()).childNodes);
    status.textContent = "";
    target.querySelectorAll("[data-again]").forEach((button) =>
      button.addEventListener("click", () => {
        data.set(button.dataset.again, button.dataset.value); // with the very photos that were judged
        send(form, data);
      }),
    );
    target.querySelectorAll("form[data-unlock]").forEach((asking) =>
      asking.addEventListener("submit", (event) => {
        event.preventDefault();
        event.stopPropagation(); // it may stand in the form that was sent
        unlock(asking, () => send(form, data));
      }),
    );
    if (target.querySelector("[data-finished]")) {
      form.reset(); // else the next person could get this one's name
    }
    shown(target);
    target.scrollIntoView({ block: "nearest" });
  } catch {
    status.textContent = form.dataset.failed;
  } finally {
    buttons.forEach((button) => (button.disabled = false));
  }
}

/** Unlock the desk from a page whose form waits for it, and go on with that. */
async function unlock(asking, goOn) {
  const problem = asking.querySelector(".status");
  asking.querySelector("button").disabled = true;
  try {
    const answer = await post(asking.action, new FormData(asking));
    if (answer.ok) {
      goOn();
      return;
    }
    problem.textContent = await problemIn(answer);
  } catch {
    problem.textContent = asking.dataset.failed;
  }
  asking.querySelector("button").disabled = false;
  asking.querySelector("input[type=password]")?.select();
}

/** Bring a part of the page to life that the desk sent. */
function shown(part) {
  const next = part.querySelector("[data-leads-to]");
  if (next) {
    location.assign(next.dataset.leadsTo);
  }
  if (part.querySelector("[data-undo]")) {
    // The last enrollment alone can be undone.
    document.querySelectorAll("[data-undo]").forEach((form) => part.contains(form) || form.remove());
  }
  part.querySelectorAll("[data-job]").forEach(follow);
  part.querySelectorAll("form[data-fetch]").forEach(prepare);
}

/** Ask how far long work is, until it is over. */
async function follow(place) {
  for (;;) {
    await new Promise((done) => setTimeout(done, 500));
    let holder;
    try {
      const answer = await fetch(place.dataset.job, { headers: { "X-Fragment": "1" } });
      holder = partOf(await answer.text());
    } catch {
      place.querySelector("p").textContent = place.dataset.failed;
      continue;
    }
    const next = holder.querySelector("[data-job]");
    if (!next) {
      place.replaceWith(holder);
      shown(holder);
      return;
    }
    for (const name of ["max", "value"]) {
      place.querySelector("progress")[name] = next.querySelector("progress")[name];
    }
    for (const part of ["label", "p"]) {
      place.querySelector(part).textContent = next.querySelector(part).textContent;
    }
  }
}

/** Put files into a form's field, and send the form if it wants that. */
function put(form, files) {
  const field = form.querySelector("input[type=file]");
  const pictures = [...files].filter((file) => file.type.startsWith("image/") || !file.type);
  if (!pictures.length) {
    if (files.length) {
      form.querySelector(".status").textContent = field.dataset.none;
    }
    return;
  }
  const chosen = new DataTransfer();
  pictures.forEach((file) => chosen.items.add(file));
  field.files = chosen.files;
  dropQuestion(form);
  sendAtOnce(form);
}

/** Drop a question about what was sent when the form says something else by now. */
function dropQuestion(form) {
  const target = document.getElementById(form.dataset.target);
  if (target.querySelector("[data-again]")) {
    target.replaceChildren();
  }
}

function sendAtOnce(form) {
  if ("sendAtOnce" in form.dataset) {
    form.requestSubmit();
  }
}

/** Have a form send itself in the background. */
function prepare(form) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send(form, new FormData(form));
  });
  for (const kind of ["input", "change"]) {
    form.addEventListener(kind, () => dropQuestion(form));
  }
  const drop = form.querySelector("[data-drop]");
  if (!drop) {
    return;
  }
  form.querySelector("input[type=file]").addEventListener("change", () => sendAtOnce(form));
  drop.addEventListener("dragover", (event) => {
    event.preventDefault();
    drop.classList.add("over");
  });
  drop.addEventListener("dragleave", () => drop.classList.remove("over"));
  drop.addEventListener("drop", (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    if ([...(event.dataTransfer.items ?? [])].some((item) => item.webkitGetAsEntry()?.isDirectory)) {
      // It would be sent as a file that cannot be read.
      form.querySelector(".status").textContent = form.querySelector("input[type=file]").dataset.folder;
      return;
    }
    put(form, event.dataTransfer.files);
  });
  document.addEventListener("paste", (event) => put(form, event.clipboardData.files));
}

for (const button of document.querySelectorAll("[data-camera]")) {
  if (!navigator.mediaDevices) {
    continue;
  }
  button.hidden = false;
  const place = document.getElementById(button.dataset.camera);
  const form = button.closest("form");
  const video = place.querySelector("video");
  const wording = button.textContent;
  let stream = null;
  function stop() {
    stream.getTracks().forEach((track) => track.stop());
    stream = null;
    place.hidden = true;
    button.textContent = wording;
  }
  button.addEventListener("click", async () => {
    if (stream) {
      stop();
      return;
    }
    try {
      stream = await startCamera(video);
      stream.getVideoTracks().forEach((track) =>
        track.addEventListener("ended", () => {
          stop();
          form.querySelector(".status").textContent = place.dataset.ended;
        }),
      );
      form.querySelector(".status").textContent = "";
      place.hidden = false;
      button.textContent = place.dataset.stop;
    } catch (problem) {
      form.querySelector(".status").textContent = place.dataset.problem.replace("{reason}", problem.message);
    }
  });
  place.querySelector("[data-capture]").addEventListener("click", async () => {
    put(form, [new File([await frameOf(video)], "camera.jpg", { type: "image/jpeg" })]);
  });
}

/** Go on when the desk was unlocked from another page. */
async function wait(address) {
  for (;;) {
    await new Promise((done) => setTimeout(done, LOOK_AGAIN));
    try {
      const answer = await fetch(address, { redirect: "manual" });
      if (answer.type === "opaqueredirect") {
        location.assign(address);
        return;
      }
    } catch {
      // The desk has ended, or starts anew.
    }
  }
}

document.querySelectorAll("[data-waits]").forEach((place) => wait(place.dataset.waits));

// Of two clicks in a row, the second would send the form again, and show that it cannot be done twice.
let sent = null;
document.addEventListener("submit", (event) => {
  if (event.defaultPrevented) {
    return;
  }
  if (sent?.form === event.target && Date.now() - sent.time < AGAIN_AFTER) {
    event.preventDefault();
    return;
  }
  sent = { form: event.target, time: Date.now() };
});

// A file that is dropped beside its place would be opened instead of the page.
for (const kind of ["dragover", "drop"]) {
  document.addEventListener(kind, (event) => {
    if (event.dataTransfer?.types.includes("Files")) {
      event.preventDefault();
    }
  });
}

shown(document);
document.addEventListener("shown", (event) => shown(event.target));
document.querySelectorAll("form[data-folder]").forEach(startFolder);
document.querySelectorAll("[data-live]").forEach(startLive);
