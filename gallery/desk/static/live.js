// The live mode: one search a second, frames over the video, and a list in this page's memory.
import { partOf } from "/static/alarm.js";
import { startCamera, frameOf } from "/static/camera.js";
import { post, problemIn } from "/static/sending.js";

const PAUSE = 1000;
const LONGEST_LIST = 20;
const SVG = "http://www.w3.org/2000/svg";

export function startLive(place) {
  const video = place.querySelector("video");
  const frames = place.querySelector("svg");
  const toggle = place.querySelector("[data-toggle]");
  const status = place.querySelector(".status");
  const seen = new Map();
  let stream = null;

  function stop() {
    stream?.getTracks().forEach((track) => track.stop());
    stream = null;
    video.srcObject = null;
    frames.replaceChildren();
    toggle.textContent = place.dataset.start;
  }

  function draw(found) {
    frames.setAttribute("viewBox", `0 0 ${found.width} ${found.height}`);
    const unit = Math.max(found.width, found.height) / 160;
    const size = (found.faces.length > 2 ? 3 : 5) * unit; // as on the page Identify
    frames.replaceChildren(
      ...found.faces
        .filter((face) => face.box)
        .map((face) => {
          const [left, top, width, height] = face.box;
          const group = document.createElementNS(SVG, "g");
          group.setAttribute("class", `frame ${face.kind}`);
          group.setAttribute("font-size", size);
          const rectangle = document.createElementNS(SVG, "rect");
          Object.entries({ x: left, y: top, width, height, rx: unit }).forEach(([name, value]) =>
            rectangle.setAttribute(name, value),
          );
          const name = document.createElementNS(SVG, "text");
          const right = left > 0.6 * found.width; // so that no name leaves the picture
          name.setAttribute("x", right ? left + width : left);
          name.setAttribute("text-anchor", right ? "end" : "start");
          name.setAttribute("y", top > 5 * unit ? top - unit : top + height + 4 * unit);
          name.textContent = face.label ?? place.dataset.unknown;
          group.append(rectangle, name);
          return group;
        }),
    );
  }

  function remember(faces) {
    const now = new Date();
    for (const face of faces) {
      const name = face.label ?? place.dataset.unknown;
      if (!seen.has(name)) {
        place.querySelector("[data-new]").textContent = name;
      }
      seen.set(name, { count: (seen.get(name)?.count ?? 0) + 1, time: now });
    }
    const newest = [...seen].sort(([, one], [, other]) => other.time - one.time).slice(0, LONGEST_LIST);
    seen.clear();
    newest.forEach(([name, entry]) => seen.set(name, entry));
    place.querySelector("[data-nobody]").hidden = seen.size > 0;
    place.querySelector("[data-seen]").replaceChildren(
      ...newest.map(([name, entry]) => {
        const item = document.createElement("li");
        const strong = document.createElement("strong");
        strong.textContent = name;
        const times = (entry.count === 1 ? place.dataset.once : place.dataset.times)
          .replace("{count}", entry.count)
          .replace("{time}", entry.time.toLocaleTimeString());
        item.append(strong, ` ${times}`);
        return item;
      }),
    );
  }

  async function look() {
    const data = new FormData();
    data.set("photos", await frameOf(video), "camera.jpg");
    const answer = await post(place.dataset.live, data);
    if (answer.redirected) {
      location.assign(answer.url);
      return;
    }
    if (!answer.ok) {
      throw new Error(await problemIn(answer));
    }
    const found = await answer.json();
    partOf(found.alarm ?? "");
    if (stream) {
      draw(found);
      remember(found.faces);
    }
  }

  async function run() {
    while (stream) {
      try {
        await look();
        status.textContent = "";
      } catch (problem) {
        frames.replaceChildren(); // nobody is to be let in by the names of a search before
        status.textContent = problem instanceof TypeError ? place.dataset.failed : problem.message;
      }
      await new Promise((done) => setTimeout(done, PAUSE));
    }
  }

  toggle.addEventListener("click", async () => {
    if (stream) {
      stop();
      return;
    }
    try {
      stream = await startCamera(video);
    } catch (problem) {
      status.textContent = place.dataset.problem.replace("{reason}", problem.message);
      return;
    }
    toggle.textContent = place.dataset.stop;
    stream.getVideoTracks().forEach((track) =>
      track.addEventListener("ended", () => {
        stop(); // else its last picture would be searched with again and again
        status.textContent = place.dataset.ended;
      }),
    );
    run();
  });
  addEventListener("pagehide", stop);
}
