"""``gallery rekey`` and ``gallery key passphrase``."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gallery.client import GalleryKey, is_protected, read_key_file
from gallery.errors import ErasurePendingError
from gallery.server import EmbeddedService
from tests.unit.commands.conftest import Command


@pytest.fixture
def filled(made: Command, people: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> Command:
    """A gallery of five people, and a second key file with another passphrase."""
    assert made("enroll", "people.npz").code == 0
    Path("new.txt").write_text("battery staple\n")
    assert made("key", "new", "--key", "new.key", "--passphrase-file", "new.txt").code == 0
    monkeypatch.setenv("GALLERY_NEW_PASSPHRASE", "battery staple")
    return made


def labels_found(command: Command, *options: object) -> list[str]:
    done = command("identify", "people.npz", "--threshold", 0.01, "--json", *options)
    assert done.code == 0, done.err
    return [record["label"] for record in done.records]


PEOPLE = [f"person {number}" for number in range(5)]
WITH_NEW = ("--key", "new.key", "--passphrase-file", "new.txt")


# --- rekey ----------------------------------------------------------------------------------------


def test_a_gallery_moves_to_a_new_key(filled: Command) -> None:
    new = read_key_file("new.key", "battery staple").key_id.hex()

    done = filled("rekey", "--new-key", "new.key", "--yes")

    assert (done.code, done.out) == (0, "")
    assert f"under key {new} now" in done.err
    assert "references: 5, blocks: 1" in done.err
    assert "--key new.key" in done.err
    assert labels_found(filled, *WITH_NEW) == PEOPLE
    assert filled("verify", "--deep", *WITH_NEW).code == 0
    assert filled("info").code == 17
    assert filled("enroll", "people.npz", *WITH_NEW, "--json").records[0]["skipped"] == 5


def test_the_new_passphrase_may_come_from_a_file(
    filled: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GALLERY_NEW_PASSPHRASE", "not this one")
    arguments = ("rekey", "--new-key", "new.key", "--yes")

    assert filled(*arguments).code == 16
    monkeypatch.delenv("GALLERY_NEW_PASSPHRASE")
    missing = filled(*arguments)
    assert (missing.code, "--new-passphrase-file" in missing.err) == (15, True)
    assert filled(*arguments, "--new-passphrase-file", "new.txt", "--quiet").err == ""
    assert labels_found(filled, *WITH_NEW) == PEOPLE


def test_a_second_run_says_the_same(filled: Command) -> None:
    first = filled("rekey", "--new-key", "new.key", "--yes")
    second = filled("rekey", "--new-key", "new.key", "--yes")

    assert first == second


def test_the_parameter_set_changes_under_the_same_key(filled: Command) -> None:
    done = filled("rekey", "--parameters", "compact", "--yes")

    assert (done.code, done.out) == (0, "")
    assert "parameter set compact" in done.err
    assert filled("info", "--json").records[0]["parameters"] == "compact"
    assert labels_found(filled) == PEOPLE
    again = filled("rekey", "--parameters", "compact", "--yes")
    assert again.code == 3
    assert "needs a new key, or another parameter set" in again.err


def test_key_and_parameter_set_change_together(filled: Command) -> None:
    assert filled("rekey", "--new-key", "new.key", "--parameters", "compact", "--yes").code == 0

    assert filled("info", "--json", *WITH_NEW).records[0]["parameters"] == "compact"
    assert labels_found(filled, *WITH_NEW) == PEOPLE


def test_nothing_is_done_before_it_is_agreed_to(
    filled: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GALLERY_NEW_PASSPHRASE")
    unasked = filled("rekey", "--new-key", "new.key", "--new-passphrase-file", "new.txt")
    asked: list[str] = []

    def no(question: str, err: bool) -> bool:
        assert err
        asked.append(question)
        return False

    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("click.confirm", no)
    refused = filled("rekey", "--new-key", "new.key", "--new-passphrase-file", "new.txt")

    assert (unasked.code, "--yes" in unasked.err) == (2, True)
    assert (refused.code, refused.out, refused.err) == (1, "", "nothing was changed\n")
    assert "'default'" in asked[0]
    assert read_key_file("new.key", "battery staple").key_id.hex() in asked[0]
    assert labels_found(filled) == PEOPLE
    assert "renewal" not in filled("info", "--json").out


def test_an_interrupted_run_is_finished_or_given_up(
    filled: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(EmbeddedService, "replace", interrupted)
        stopped = filled("rekey", "--new-key", "new.key", "--yes")
    assert stopped.code == 130
    assert labels_found(filled) == PEOPLE
    other = filled("rekey", "--new-key", "new.key", "--parameters", "compact", "--yes")
    assert (other.code, "--discard" in other.err) == (21, True)

    given_up = filled("rekey", "--new-key", "new.key", "--discard")

    assert (given_up.code, given_up.out) == (0, "")
    assert "given up" in given_up.err
    assert filled("rekey", "--new-key", "new.key", "--discard").code == 20
    assert labels_found(filled) == PEOPLE
    assert filled("rekey", "--new-key", "new.key", "--yes").code == 0
    assert labels_found(filled, *WITH_NEW) == PEOPLE


def test_a_renewal_of_the_parameter_set_alone_can_be_given_up(
    filled: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(EmbeddedService, "replace", interrupted)
        filled("rekey", "--parameters", "compact", "--yes")

    assert filled("rekey", "--discard").code == 0
    assert labels_found(filled) == PEOPLE


def test_traces_that_cannot_be_removed_yet_have_an_exit_code_though_it_is_done(
    filled: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace = EmbeddedService.replace

    def pending(*arguments: object) -> None:
        replace(*arguments)  # type: ignore[arg-type]
        raise ErasurePendingError("traces remain; run gallery compact")

    with monkeypatch.context() as patched:
        patched.setattr(EmbeddedService, "replace", pending)
        done = filled("rekey", "--new-key", "new.key", "--yes")

    assert done.code == 33
    assert "is under key" in done.err
    assert "gallery compact" in done.err
    assert labels_found(filled, *WITH_NEW) == PEOPLE


def test_the_memory_of_the_new_key_is_beside_it(filled: Command) -> None:
    filled("rekey", "--new-key", "new.key", "--yes")

    assert Path("new.key.seen").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ([], 2, "--new-key, --parameters, or both"),
        (["--new-passphrase-file", "new.txt", "--parameters", "compact"], 2, "is for --new-key"),
        (["--discard", "--parameters", "compact"], 2, "--discard"),
        (["--parameters", "tiny"], 2, "tiny"),
        (["--parameters", "swift"], 3, "already"),
        (["--new-key", "owner.key"], 16, "owner.key"),
        (["--new-key", "missing.key"], 11, "missing.key"),
        (["--new-key", "new.key", "--gallery", "nobody's"], 20, "nobody's"),
        (["--new-key", "new.key", "--key", "third.key"], 17, "another key"),
    ],
)
def test_mistakes_have_words_and_exit_codes(
    filled: Command, arguments: list[str], code: int, words: str
) -> None:
    assert filled("key", "new", "--key", "third.key").code == 0

    done = filled("rekey", "--yes", *arguments)

    assert done.code == code
    assert words in done.err
    assert done.out == ""
    assert labels_found(filled) == PEOPLE


# --- key passphrase -------------------------------------------------------------------------------


def test_the_passphrase_changes_and_the_gallery_stays(
    filled: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = read_key_file("owner.key", "correct horse")

    done = filled("key", "passphrase")

    assert (done.code, done.out) == (0, "")
    assert "is changed" in done.err
    assert read_key_file("owner.key", "battery staple").reveal() == key.reveal()
    assert filled("info").code == 16
    monkeypatch.setenv("GALLERY_PASSPHRASE", "battery staple")
    assert labels_found(filled) == PEOPLE


def test_a_file_with_the_new_passphrase_comes_first(filled: Command) -> None:
    Path("other.txt").write_text("from a file\n")

    assert filled("key", "passphrase", "--new-passphrase-file", "other.txt").code == 0

    assert isinstance(read_key_file("owner.key", "from a file"), GalleryKey)


def test_protection_is_taken_off_on_request_alone_and_put_on_again(
    filled: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    off = filled("key", "passphrase", "--no-passphrase")
    assert off.code == 0
    assert "not protected" in off.err
    assert not is_protected("owner.key")

    assert filled("key", "passphrase").code == 0
    assert is_protected("owner.key")
    monkeypatch.delenv("GALLERY_NEW_PASSPHRASE")
    assert filled("key", "passphrase", "--passphrase-file", "new.txt").code == 15


def test_both_passphrases_are_asked_for_at_a_terminal(
    filled: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GALLERY_PASSPHRASE")
    monkeypatch.delenv("GALLERY_NEW_PASSPHRASE")
    asked: list[str] = []

    def answer(text: str, **options: bool) -> str:
        assert options["hide_input"]
        assert options["err"]
        asked.append(text)
        return "asked for" if options.get("confirmation_prompt") else "correct horse"

    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("click.prompt", answer)

    assert filled("key", "passphrase").code == 0

    assert len(asked) == 2
    assert isinstance(read_key_file("owner.key", "asked for"), GalleryKey)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--no-passphrase", "--new-passphrase-file", "new.txt"], 2, "not both"),
        (["--new-passphrase-file", "missing.txt"], 50, "missing.txt"),
        (["--new-passphrase-file", "empty.txt"], 15, "empty"),
        (["--passphrase-file", "new.txt"], 16, "owner.key"),
        (["--key", "missing.key"], 11, "missing.key"),
    ],
)
def test_a_refused_change_leaves_the_key_file_as_it_was(
    filled: Command, arguments: list[str], code: int, words: str
) -> None:
    before = Path("owner.key").read_bytes()
    Path("empty.txt").touch()

    done = filled("key", "passphrase", *arguments)

    assert done.code == code
    assert words in done.err
    assert done.out == ""
    assert Path("owner.key").read_bytes() == before


@pytest.mark.parametrize("name", [("rekey",), ("key", "passphrase")], ids=" ".join)
def test_help_has_examples_and_says_what_is_at_stake(
    command: Command, name: tuple[str, ...]
) -> None:
    done = command(*name, "--help")
    text = " ".join(done.out.split())

    assert done.code == 0
    assert "Examples" in text
    assert "GALLERY_NEW_PASSPHRASE" in text
    assert ("lose precision" if name == ("rekey",) else "old passphrase") in text
    assert "passphrase" in command("key", "--help").out
