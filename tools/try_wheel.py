"""A trial of a wheel in a fresh environment: installed with locked packages, then used.

Run as ``python -m tools.try_wheel dist/*.whl``. Nothing of the checkout is importable there, so a
file or a dependency that the wheel lacks is noticed.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import venv
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
LOCK = CHECKOUT / "requirements" / "server.lock"
PROGRAM = CHECKOUT / "tools" / "small_gallery.py"


def try_wheel(wheel: Path, folder: Path) -> None:
    """Install a wheel into an empty folder and use it.

    Raises
    ------
    subprocess.CalledProcessError
        If it cannot be installed, or does not work.
    """
    environment, elsewhere = folder / "environment", folder / "elsewhere"
    venv.create(environment, with_pip=True)
    elsewhere.mkdir()

    def run(program: str, *arguments: str | Path, quiet: bool = False) -> None:
        subprocess.run(
            [environment / "bin" / program, *arguments],
            cwd=elsewhere,
            check=True,
            stdout=subprocess.DEVNULL if quiet else None,
        )

    locked: list[str | Path] = ["--no-deps", "--only-binary=:all:", "--require-hashes", "-r", LOCK]
    run("python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *locked)
    run("python", "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", wheel)
    run("python", "-m", "pip", "check")
    run("gallery", "--help", quiet=True)
    run("python", "-m", "gallery", "--help", quiet=True)
    # Isolated, so that neither the folder of the program nor a variable can lead to the checkout.
    run("python", "-I", PROGRAM)


def main() -> None:
    """Try the wheel that the command line names."""
    (wheel,) = map(Path, sys.argv[1:])
    with tempfile.TemporaryDirectory(prefix="gallery-wheel-") as folder:
        try_wheel(wheel.resolve(), Path(folder))
    print(f"{wheel.name} works in a fresh environment")


if __name__ == "__main__":
    main()
