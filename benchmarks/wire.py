"""Bytes on the wire: probes, enrollments and results, and what compressing them would gain.

Run as ``python -m benchmarks.wire``. Clients and service are the real ones; between them stands a
service that weighs the messages that pass.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import click
import numpy as np
import zstandard
from rich.console import Console
from rich.table import Table

from benchmarks.owner import unit_vectors
from gallery.ciphertexts.blocks import capacity
from gallery.ciphertexts.seeds import SEED_SIZE
from gallery.client import GalleryClient, GalleryKey
from gallery.messages import GalleryUpdate, SearchRequest, SearchResult
from gallery.parameters import PARAMETER_SETS
from gallery.protocol import GalleryService
from gallery.server import open_service

ZSTD_LEVEL = 3
_ANY_SEED = bytes(SEED_SIZE)
_NO_REFERENCES = "result of one block, references known"
_WITH_REFERENCES = "result of one block, with references"


@dataclass(frozen=True)
class Weight:
    """One kind of message: its bytes, for each reference of a full block, and zstd's share of them.

    A probe is for all blocks, so it has no bytes for each reference.
    """

    parameters: str
    dimension: int
    message: str
    bytes: int
    bytes_per_reference: float | None
    compressed: float


class Weighing:
    """A service that keeps the messages that pass, by name, and hands them on."""

    def __init__(self, service: GalleryService) -> None:
        self._service = service
        self.messages: dict[str, bytes] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._service, name)

    def write(self, gallery_id: bytes, update: GalleryUpdate) -> None:
        """Keep an update in both forms: with both halves of all ciphertexts, and with a seed."""
        for form, seed in (("whole", None), ("seeded", _ANY_SEED)):
            blocks = tuple(
                replace(item, block=replace(item.block, seed=seed)) for item in update.blocks
            )
            self.messages[f"enrollment, {form}"] = replace(update, blocks=blocks).to_bytes()
        self._service.write(gallery_id, update)

    def search(self, request: SearchRequest) -> SearchResult:
        """Keep a request in both forms, and the results of the blocks."""
        for form, seed in (("whole", None), ("seeded", _ANY_SEED)):
            probes = tuple(replace(probe, seed=seed) for probe in request.probes)
            self.messages[f"probe, {form}"] = replace(request, probes=probes).to_bytes()
        found = self._service.search(request)
        blocks = list(found.blocks)
        for block in blocks:
            name = _NO_REFERENCES if block.references is None else _WITH_REFERENCES
            self.messages[name] = block.to_bytes()
        return SearchResult(found.manifest, iter(blocks))


def weigh(parameters: str, dimension: int) -> Iterator[Weight]:
    """Enroll a full block, search it twice, and weigh what was sent."""
    chosen = PARAMETER_SETS[parameters]
    references = capacity(chosen)
    crowd = unit_vectors(np.random.default_rng(1), references, dimension)
    with tempfile.TemporaryDirectory() as folder:
        database = f"sqlite:///{folder}/wire.db"
        with open_service(database, create=True) as service:
            weighing, key = Weighing(service), GalleryKey.generate()
            with GalleryClient.create(
                weighing, key, dimension=dimension, parameters=chosen
            ) as client:
                client.enroll(crowd, [f"reference-{i}" for i in range(references)])
            # One that has not seen the references yet.
            with GalleryClient(weighing, key) as client:
                for vector in crowd[:2]:
                    client.identify(vector, threshold=0.3)
    compressor = zstandard.ZstdCompressor(ZSTD_LEVEL)
    for name, message in weighing.messages.items():
        size, compressed = len(message), len(compressor.compress(message))
        each = None if name.startswith("probe") else size / references
        yield Weight(parameters, dimension, name, size, each, compressed / size)


@click.command()
@click.option("--dimension", type=click.IntRange(1, 4096), default=[128, 512], multiple=True)
@click.option("--parameters", type=click.Choice([*PARAMETER_SETS]), multiple=True)
@click.option("--json", "path", type=click.Path(dir_okay=False, path_type=Path))
def main(dimension: list[int], parameters: tuple[str, ...], path: Path | None) -> None:
    """Weigh messages; give --dimension or --parameters more than once."""
    weights = [
        weight
        for name in parameters or PARAMETER_SETS
        for one in dimension
        for weight in weigh(name, one)
    ]
    table = Table("parameters", "d", "message", "bytes", "per reference", "after zstd")
    for weight in weights:
        each = weight.bytes_per_reference
        table.add_row(
            weight.parameters,
            str(weight.dimension),
            weight.message,
            f"{weight.bytes:,}",
            "" if each is None else f"{each:,.1f}",
            f"{weight.compressed:.1%}",
        )
    Console(width=120).print(table)
    text = json.dumps([asdict(weight) for weight in weights])
    if path:
        path.write_text(text + "\n", encoding="utf-8")
    click.echo(text)


if __name__ == "__main__":
    main()
