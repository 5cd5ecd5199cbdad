"""The gallery of the measurement: a person to be found in photos, among thousands of others.

It is made by the commands that an owner uses. The others are random directions, in place of faces.
"""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np

from benchmarks.shared.command_line import gallery_command
from benchmarks.shared.unit_vectors import unit_vectors
from gallery.demo.samples import Samples

MODEL, DIMENSION = "Dlib", 128
_SEED = 15
_PASSPHRASE = "a passphrase of a benchmark"


@dataclass(frozen=True)
class PreparedGallery:
    """A gallery in a folder of its own.

    Attributes
    ----------
    folder
        Where key and database are.
    probe
        A photo of a person who is enrolled.
    label
        Whose it is.
    """

    folder: Path
    probe: Path
    label: str

    @property
    def environment(self) -> dict[str, str]:
        """The environment of its commands."""
        return {
            **os.environ,
            "GALLERY_KEY": str(self.folder / "owner.key"),
            "GALLERY_PASSPHRASE": _PASSPHRASE,
            "GALLERY_DATABASE": f"sqlite:///{self.folder / 'gallery.db'}",
        }

    def command(self, *arguments: str | Path) -> str:
        """Run a command and return what it prints (`ClickException` if it fails)."""
        done = subprocess.run(
            gallery_command(*arguments),
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise click.ClickException(f"gallery {arguments[0]}: {done.stderr.strip()}")
        return done.stdout


def prepare(folder: Path, samples: Samples, references: int, parameters: str) -> PreparedGallery:
    """Make key and gallery, and enroll the people of the samples and so many others."""
    mated = samples.mated[0]
    gallery = PreparedGallery(folder, mated.path, mated.label)
    gallery.command("key", "new")
    gallery.command("init", "--model", MODEL, "--parameters", parameters)
    gallery.command("enroll", samples.enroll)
    embeddings = unit_vectors(np.random.default_rng(_SEED), references, DIMENSION)
    labels = np.array([f"person {number}" for number in range(references)])
    np.savez(folder / "others.npz", embeddings=embeddings, labels=labels)
    gallery.command("enroll", folder / "others.npz")
    return gallery
