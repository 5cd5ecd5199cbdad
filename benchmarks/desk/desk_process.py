"""A desk's process: the real ``gallery desk``, and its figures as seen from outside."""

from __future__ import annotations

import subprocess
from typing import Any

import click
import httpx
import psutil
from prometheus_client.parser import text_string_to_metric_families

from benchmarks.desk.prepared_gallery import PreparedGallery
from benchmarks.shared.command_line import gallery_command

STAGES = ("decode", "embed", "search")
_STOP_SECONDS = 60.0
_PATIENCE = 300.0


class DeskProcess:
    """A desk on a free port of this machine, and a program with a token that may do everything.

    Parameters
    ----------
    gallery
        What it serves.
    """

    def __init__(self, gallery: PreparedGallery) -> None:
        token = gallery.command("desk-token", "create", "--name", "benchmark", "--scope", "manage")
        self._log = (gallery.folder / "desk.log").open("ab")
        self._process = subprocess.Popen(
            gallery_command("desk", "--port", "0", "--quiet"),
            env=gallery.environment,
            stdout=subprocess.PIPE,
            stderr=self._log,
            # A group of its own, so that a Ctrl-C here leaves its end to `close`.
            start_new_session=True,
            text=True,
        )
        assert self._process.stdout is not None
        address = self._process.stdout.readline().partition("/enter?")[0]
        self._client = httpx.Client(
            base_url=address,
            headers={"Authorization": f"Bearer {token.strip()}"},
            timeout=_PATIENCE,
            trust_env=False,
        )
        if not address:
            self.close()
            said = (gallery.folder / "desk.log").read_text("utf-8").strip()
            raise click.ClickException(f"the desk does not start: {said}")

    def identify(self, photo: bytes) -> list[dict[str, Any]]:
        """Search with every face of a photo; return what was decided of each."""
        files = {"photos": ("visitor.jpg", photo, "image/jpeg")}
        return self._faces(self._client.post("/v1/galleries/default/identify", files=files))

    def identify_embedding(self, embedding: list[float]) -> list[dict[str, Any]]:
        """Search with a ready embedding."""
        body = {"embeddings": [embedding]}
        return self._faces(self._client.post("/v1/galleries/default/identify", json=body))

    def embed(self, photo: bytes) -> list[float]:
        """Return the embedding of the first face of a photo."""
        answer = self._client.post("/v1/galleries/default/embed", files={"photos": ("a", photo)})
        found: list[float] = self._faces(answer)[0]["embedding"]
        return found

    def stage_seconds(self) -> dict[str, float]:
        """Return how long each stage of all searches took together, by name."""
        text = self._client.get("/metrics").raise_for_status().text
        return {
            sample.labels["stage"]: sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
            if sample.name == "gallery_desk_stage_seconds_sum"
        }

    def resident(self) -> int:
        """Return the bytes of memory that the desk occupies, with the process that decodes."""
        return sum(int(process.memory_info().rss) for process in self._processes())

    def processor_seconds(self) -> float:
        """Return the processor time that the desk and the process that decodes have used."""
        times = [process.cpu_times() for process in self._processes()]
        return float(sum(item.user + item.system for item in times))

    def close(self) -> None:
        """End it and its program."""
        self._client.close()
        self._process.terminate()
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._log.close()

    def _processes(self) -> list[psutil.Process]:
        parent = psutil.Process(self._process.pid)
        return [parent, *parent.children(recursive=True)]

    def _faces(self, answer: httpx.Response) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = answer.raise_for_status().json()["results"][0]["faces"]
        return found
