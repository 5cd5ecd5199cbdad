// A folder of people, sent in small pieces: first the names, then the files that the desk wants.
import { partOf } from "/static/alarm.js";
import { post, problemIn } from "/static/sending.js";

const NAMES_AT_ONCE = 2000;
const LETTERS_AT_ONCE = 2 ** 17;
const PHOTOS_AT_ONCE = 16;
const BYTES_AT_ONCE = 24 * 2 ** 20;
const HEAD = 64;
const PATTERNS = ".galleryignore";
const PAUSE = 5000;
const TRIES = 60;

class Refused extends Error {}

/** Return all files in what was dropped, as pairs of a path and a file, or null if unreadable. */
async function filesIn(entries) {
  const found = [];
  const single = entries.length === 1 && entries[0].isDirectory;
  const waiting = entries.map((entry) => [single ? entry.name : `dropped/${entry.name}`, entry]);
  while (waiting.length) {
    const [path, entry] = waiting.shift();
    if (entry.isFile) {
      const file = await new Promise((done) => entry.file(done, () => done(null)));
      found.push([path, file]);
      continue;
    }
    const reader = entry.createReader();
    for (;;) {
      // A reader gives some hundred at a time, and none at the end.
      const some = await new Promise((done) => reader.readEntries(done, () => done([])));
      if (!some.length) {
        break;
      }
      some.forEach((child) => waiting.push([`${path}/${child.name}`, child]));
    }
  }
  return found;
}

/** Return what fits into one request, from a place on, and how many files that are. */
function piece(files, from, largest) {
  let bytes = 0;
  let end = from;
  while (end < files.length && end - from < PHOTOS_AT_ONCE) {
    const file = files[end][1];
    const size = file && file.size <= largest ? file.size : 0;
    if (end > from && bytes + size > BYTES_AT_ONCE) {
      break;
    }
    bytes += size;
    end += 1;
  }
  return files.slice(from, end);
}

async function headOf(file) {
  const bytes = new Uint8Array(await file.slice(0, HEAD).arrayBuffer());
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

export function startFolder(form) {
  const field = form.querySelector("input[type=file]");
  const drop = form.querySelector("[data-drop]");
  const status = form.querySelector(".status");
  const bar = form.querySelector("progress");
  const button = form.querySelector("button:not([type])");
  const stop = form.querySelector("[data-stop]");
  const target = document.getElementById(form.dataset.target);
  const largest = Number(form.dataset.largest);
  let sending = false;
  let stopped = false;

  /** Send one step; wait and try again while the desk is busy or does not answer. */
  async function send(fields, uploads = []) {
    const data = new FormData();
    Object.entries(fields).forEach(([name, value]) =>
      data.set(name, typeof value === "string" ? value : JSON.stringify(value)),
    );
    uploads.forEach((file) => data.append("photos", file, "file"));
    for (let tried = 0; ; tried += 1) {
      let answer = null;
      try {
        answer = await post(form.action, data);
      } catch (problem) {
        if (tried >= 2) {
          throw new Refused(form.dataset.failed);
        }
      }
      if (answer?.redirected) {
        location.assign(answer.url);
        throw new Refused("");
      }
      if (answer?.ok) {
        return answer;
      }
      if (answer && (![429, 503].includes(answer.status) || tried >= TRIES)) {
        throw new Refused(await problemIn(answer));
      }
      status.textContent = form.dataset.waiting;
      await new Promise((done) => setTimeout(done, PAUSE));
    }
  }

  async function stepped(fields, uploads) {
    const found = await (await send(fields, uploads)).json();
    partOf(found.alarm ?? "");
    return found;
  }

  /** Return the files that the desk wants to see. */
  async function wanted(files) {
    const patterns = files.filter(([path, file]) => file && path.split("/").pop() === PATTERNS);
    // Those above come before those below.
    patterns.sort(([one], [other]) => one.split("/").length - other.split("/").length);
    const names = [...patterns, ...files.filter((item) => !patterns.includes(item))];
    const chosen = [];
    let batch = "";
    for (let from = 0; from < patterns.length; from += PHOTOS_AT_ONCE) {
      const some = patterns.slice(from, from + PHOTOS_AT_ONCE);
      const named = some.map(([path]) => path);
      batch = (await stepped({ step: "names", batch, paths: named }, some.map(([, file]) => file))).batch;
    }
    for (let from = patterns.length, to; from < names.length; from = to) {
      let letters = 0;
      for (to = from; to < names.length && to - from < NAMES_AT_ONCE; to += 1) {
        letters += names[to][0].length;
        if (to > from && letters > LETTERS_AT_ONCE) {
          break;
        }
      }
      const some = names.slice(from, to);
      const paths = some.map(([path]) => path);
      const found = await stepped({ step: "names", batch, paths });
      batch = found.batch;
      found.wanted.forEach((place) => chosen.push(some[place]));
    }
    return [batch, chosen];
  }

  function tellProgress(total) {
    status.textContent = form.dataset.progress.replace("{done}", bar.value).replace("{total}", total);
  }

  async function sendPhotos(batch, files) {
    bar.max = files.length;
    bar.value = 0;
    bar.hidden = false;
    tellProgress(files.length);
    while (bar.value < files.length && !stopped) {
      const some = piece(files, bar.value, largest);
      const small = some.filter(([, file]) => file && file.size <= largest);
      const large = some.filter(([, file]) => file && file.size > largest);
      const fields = {
        step: "photos",
        batch,
        paths: small.map(([path]) => path),
        large: await Promise.all(large.map(async ([path, file]) => [path, await headOf(file)])),
        unread: some.filter(([, file]) => !file).map(([path]) => path),
      };
      await stepped(fields, small.map(([, file]) => file));
      bar.value += some.length;
      tellProgress(files.length);
    }
  }

  async function run(files) {
    if (sending) {
      return;
    }
    if (!files.length) {
      status.textContent = form.dataset.empty;
      return;
    }
    sending = true;
    stopped = false;
    button.disabled = true;
    stop.hidden = false;
    target.replaceChildren();
    status.textContent = form.dataset.looking;
    try {
      const [batch, chosen] = await wanted(files);
      await sendPhotos(batch, chosen);
      const last = await send({ step: "end", batch, stopped: stopped ? "1" : "" });
      target.replaceChildren(...partOf(await last.text()).childNodes);
      target.dispatchEvent(new CustomEvent("shown", { bubbles: true }));
      status.textContent = "";
    } catch (problem) {
      if (!(problem instanceof Refused)) {
        throw problem;
      }
      status.textContent = problem.message;
    } finally {
      sending = false;
      button.disabled = false;
      stop.hidden = true;
      bar.hidden = true;
    }
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    run([...field.files].map((file) => [file.webkitRelativePath || file.name, file]));
  });
  stop.addEventListener("click", () => (stopped = true));
  addEventListener("beforeunload", (event) => sending && event.preventDefault());
  drop.addEventListener("dragover", (event) => {
    event.preventDefault();
    drop.classList.add("over");
  });
  drop.addEventListener("dragleave", () => drop.classList.remove("over"));
  drop.addEventListener("drop", async (event) => {
    event.preventDefault();
    drop.classList.remove("over");
    // Before anything is awaited, since they are gone afterwards.
    const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry());
    run(await filesIn(entries.filter(Boolean)));
  });
}
