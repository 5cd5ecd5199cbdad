"""Commands that end otherwise than by being done: signals, refusals of the system, odd text."""

from __future__ import annotations

import errno
import gc
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import numpy as np
import pytest

from gallery.client import GalleryClient
from gallery.commands.main import main
from tests.support.command_line import command_names, shown_options
from tests.unit.commands.conftest import Command
from tests.unit.commands.test_streams import ARGUMENTS


@pytest.fixture
def _as_a_process(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Leave this process as it was when `main` has set it up for a command of its own."""
    ends = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
    handlers = {number: signal.getsignal(number) for number in ends}
    thresholds, callbacks = gc.get_threshold(), gc.callbacks.copy()
    # Servers of other tests leave this one to their event loops.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for name in ("stdin", "stdout", "stderr"):
        monkeypatch.setattr(sys, name, getattr(sys, name))
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)
    gc.unfreeze()
    gc.callbacks[:] = callbacks
    gc.set_threshold(*thresholds)


@pytest.mark.usefixtures("_as_a_process")
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129), (signal.SIGINT, 130)]
)
def test_a_command_that_is_told_to_end_finishes_what_it_does(
    made: Command,
    people: np.ndarray,
    monkeypatch: pytest.MonkeyPatch,
    number: signal.Signals,
    code: int,
) -> None:
    cleared: list[bool] = []

    def interrupted(_: GalleryClient) -> None:
        try:
            signal.raise_signal(number)
        finally:
            cleared.append(True)

    with monkeypatch.context() as patch:
        patch.setattr(GalleryClient, "references", interrupted)
        patch.setattr(sys, "argv", ["gallery", "list"])
        with pytest.raises(SystemExit) as caught:
            main()

    assert caught.value.code == code
    assert cleared == [True]


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "/data/x"), "No space left on device: /"),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), "Disk quota exceeded"),
        (FileNotFoundError(errno.ENOENT, "No such file or directory"), "No such file"),
        (MemoryError(), "needs more memory, or more threads"),
        (RuntimeError("can't start new thread"), "refuses another thread"),
        (RuntimeError(os.strerror(errno.EAGAIN)), "refuses another thread"),
    ],
)
def test_what_the_system_refuses_is_no_mistake_of_the_program(
    made: Command, monkeypatch: pytest.MonkeyPatch, error: Exception, words: str
) -> None:
    def refused(_: GalleryClient) -> None:
        raise error

    monkeypatch.setattr(GalleryClient, "references", refused)

    done = made("list")

    assert (done.code, done.out) == (71, "")
    assert words in done.err
    assert "internal" not in done.err


def test_a_current_folder_that_is_gone_is_named(
    made: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    # What asks for it depends on what is loaded already.
    monkeypatch.setattr(GalleryClient, "references", lambda _: Path.cwd())

    done = made("list", "--database", f"sqlite:///{tmp_path}/gallery.db")

    assert done.code == 71
    assert "the current folder is not there any more" in done.err


def test_text_that_is_no_utf_8_is_refused_by_name(made: Command, people: np.ndarray) -> None:
    np.savez("caf\udce9.npz", embeddings=people + 1, labels=list("abcde"))
    for name in command_names():
        for parameter in shown_options(name):
            if not isinstance(parameter.type, click.types.StringParamType):
                continue
            words = [*name.split(), "x\udce9"]
            if isinstance(parameter, click.Option):
                words = [*name.split(), *ARGUMENTS[name], parameter.opts[0], "x\udce9"]

            done = made(*words)

            assert done.code not in (0, 70), (words, done.err)
            assert "internal" not in done.err
