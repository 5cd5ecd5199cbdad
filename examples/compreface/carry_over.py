"""Carry photos over from a CompreFace recognition service into a gallery, by the desk's API.

Each saved example of a subject is fetched from CompreFace and enrolled under the subject's name; no
photo is written to a file. What is done is noted by the identifiers that CompreFace has for its
examples, so that a run that was ended goes on where it was. Nothing is changed in CompreFace.

    export COMPREFACE_KEY=...   # the API key of the recognition service
    export DESK_TOKEN=...       # gallery desk-token create --name carry-over --scope manage
    python carry_over.py --compreface http://localhost:8000 --desk http://127.0.0.1:8480

Both can be in files instead (``--key-file``, ``--token-file``). No option takes them themselves:
what stands on a command line is seen by everybody on the machine.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click
import httpx

PAGE = 100
"""Examples that are listed at a time."""

PATIENCE = 60.0
"""Seconds that one photo may take."""

PAUSE = 2.0
"""Seconds to wait where either side is busy, or the token has enrolled as often as it may."""

TRIES = 60
"""How often to ask, before it is clear that this is no matter of waiting."""

NEW, PRESENT = "new", "present"


class EndError(Exception):
    """There is no way to go on."""


@dataclass(frozen=True)
class SavedExample:
    """One picture of a subject, as CompreFace lists it."""

    image_id: str
    subject: str


class CompreFace:
    """A recognition service of CompreFace 1.x, as its REST API has it."""

    def __init__(self, address: str, key: str) -> None:
        self._client = httpx.Client(
            base_url=f"{address.rstrip('/')}/api/v1/recognition/",
            headers={"x-api-key": key},
            timeout=PATIENCE,
        )

    def examples(self) -> Iterator[SavedExample]:
        """Yield all saved examples."""
        page = pages = 0
        while page <= pages:
            answer = _document(self._get("faces", page=page, size=PAGE), "faces")
            for item in answer["faces"]:
                yield SavedExample(str(item["image_id"]), str(item["subject"]))
            page, pages = page + 1, int(answer["total_pages"]) - 1

    def picture(self, example: SavedExample) -> bytes:
        """Return the file of an example; empty if CompreFace has kept none."""
        return self._get(f"faces/{example.image_id}/img").content

    def _get(self, path: str, **query: int) -> httpx.Response:
        answer = _patient(self._client, "GET", path, params=query)
        if answer.status_code == 404 and path.endswith("/img"):
            return httpx.Response(200)
        if not answer.is_success:
            raise EndError(f"CompreFace answers {answer.status_code}: {answer.text[:200]}")
        return answer


class Desk:
    """The gallery that photos are carried into, by the API of its owner's desk."""

    def __init__(self, address: str, gallery: str, token: str) -> None:
        self._client = httpx.Client(
            base_url=f"{address.rstrip('/')}/v1/galleries/{quote(gallery, safe='')}/",
            headers={"Authorization": f"Bearer {token}"},
            timeout=PATIENCE,
        )

    def enroll(self, subject: str, picture: bytes, *, despite_duplicates: bool) -> str:
        """Enroll a picture; return `NEW`, `PRESENT`, or why it is neither."""
        data = {"label": subject, "despite_duplicates": "yes" if despite_duplicates else "no"}
        files = {"photos": ("picture", picture)}
        answer = _patient(self._client, "POST", "enroll", data=data, files=files)
        if not answer.is_success:
            problem = _document(answer, "detail")
            if answer.status_code == 422 and problem["title"] != "ModelMismatchError":
                return str(problem["detail"])  # it is about this picture or this subject
            raise EndError(f"the desk answers {answer.status_code}: {problem['detail']}")
        found = _document(answer, "failures")
        if found["failures"]:
            return str(found["failures"][0]["reason"])
        if found["duplicates"] and not (found["added"] or found["present"]):
            return f"it matches {found['duplicates'][0]['label']!r}, and is not enrolled for that"
        return NEW if found["added"] else PRESENT


class Notes:
    """The identifiers of examples that are done, one in a line of a file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._done = set(path.read_text("ascii").split()) if path.exists() else set()

    def __contains__(self, example: SavedExample) -> bool:
        return example.image_id in self._done

    def add(self, example: SavedExample) -> None:
        """Note that an example is done."""
        with self._path.open("a", encoding="ascii") as file:
            file.write(f"{example.image_id}\n")


def _secret_option(option: str, name: str, variable: str, what: str) -> Callable[..., Any]:
    """Return an option that names a file with a secret, which a variable may hold instead."""

    def read(context: click.Context, _: click.Parameter, path: Path | None) -> str:
        secret = os.environ.get(variable, "") if path is None else _first_line(path, option)
        if not secret.strip():
            raise click.UsageError(f"set {variable} to {what}, or give {option}", context)
        if not secret.strip().isascii() or not secret.strip().isprintable():
            raise click.UsageError(f"what {option} or {variable} holds is not {what}", context)
        return secret.strip()

    return click.option(
        option,
        name,
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        callback=read,
        help=f"File with {what}. [default: what {variable} holds]",
    )


def _first_line(path: Path, option: str) -> str:
    try:
        return path.read_text("utf-8").strip().partition("\n")[0]
    except (OSError, UnicodeDecodeError) as error:
        raise click.UsageError(f"{option}: {path} cannot be read as text") from error


@click.command()
@click.option("--compreface", "source", default="http://localhost:8000", show_default=True)
@click.option("--desk", "target", default="http://127.0.0.1:8480", show_default=True)
@click.option("--gallery", default="default", show_default=True)
@_secret_option("--key-file", "key", "COMPREFACE_KEY", "the API key of the recognition service")
@_secret_option("--token-file", "token", "DESK_TOKEN", "the desk's token")
@click.option(
    "--notes",
    "path",
    type=click.Path(dir_okay=False, path_type=Path),
    default="carried-over.txt",
    show_default=True,
    help="File that remembers what is done.",
)
@click.option(
    "--despite-duplicates", is_flag=True, help="Enroll photos that match another subject, too."
)
def main(
    source: str,
    target: str,
    gallery: str,
    key: str,
    token: str,
    path: Path,
    despite_duplicates: bool,
) -> None:
    """Enroll all saved examples of a recognition service; say what was passed over, and why."""
    counts = {NEW: 0, PRESENT: 0, "noted": 0, "passed over": 0}
    service, desk, notes = CompreFace(source, key), Desk(target, gallery, token), Notes(path)
    try:
        for example in service.examples():
            if example in notes:
                counts["noted"] += 1
                continue
            picture = service.picture(example)
            outcome = (
                desk.enroll(example.subject, picture, despite_duplicates=despite_duplicates)
                if picture
                else "CompreFace has not kept the picture (save_images_to_db)"
            )
            if outcome in (NEW, PRESENT):
                counts[outcome] += 1
                notes.add(example)
            else:
                counts["passed over"] += 1
                click.echo(f"passed over: {example.subject!r}, {example.image_id}: {outcome}")
    except EndError as error:
        click.echo(f"ended: {error}; run it again to go on", err=True)
        sys.exit(2)
    finally:
        click.echo(
            f"{counts[NEW]} enrolled, {counts[PRESENT]} enrolled before, {counts['noted']} done by "
            f"earlier runs, {counts['passed over']} passed over"
        )
    sys.exit(1 if counts["passed over"] else 0)


def _patient(client: httpx.Client, method: str, path: str, **request: Any) -> httpx.Response:
    """Send a request, and again while the other side is busy."""
    for _ in range(TRIES):
        try:
            answer = client.request(method, path, **request)
        except httpx.TransportError as error:
            raise EndError(f"{client.base_url.host} does not answer ({error})") from error
        if answer.status_code not in (429, 503):
            return answer
        click.echo(f"{client.base_url.host} is busy; waiting", err=True)
        time.sleep(PAUSE)
    raise EndError(f"{client.base_url.host} stays busy: {answer.text[:200]}")


def _document(answer: httpx.Response, field: str) -> dict[str, Any]:
    """Return the JSON of an answer, which must have a field."""
    try:
        found: dict[str, Any] = answer.json()
    except ValueError:
        found = {}
    if field not in found:
        raise EndError(f"{answer.url.host} answers {answer.status_code}, and not as it should")
    return found


if __name__ == "__main__":
    main()
