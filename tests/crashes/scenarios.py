"""The commands that are killed, what they start from, and what they may leave behind.

A further command is one more entry in `SCENARIOS`: how to prepare its folder, its command line, the
states that its writes lead through, and how to look at a state if it is not that of a gallery.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np

from gallery.arrays import Floats
from gallery.errors import (
    DatabaseError,
    GalleryExistsError,
    GalleryNotFoundError,
    KeyFileExistsError,
    KeyFileNotFoundError,
    KeyMismatchError,
    ReferenceNotFoundError,
    WrongPassphraseError,
)
from gallery.store import Action, AuditEvent, AuditStore, open_database
from tests.crashes.processes import Done, run_commands

State = tuple[str, ...] | None
"""The labels of a gallery, sorted; None where there is no gallery."""

DATABASE = "gallery.db"
KEY_FILE = "owner.key"
NEW_KEY_FILE = "new.key"
OLD, NEW = "correct horse", "battery staple"
IDENTIFIER = "identifier of the first reference"
"""A file, and the word of a command line in whose place it stands."""
FORMER = "former values of the first reference"
"""A file of what a reference's label was sealed to, its pseudonym and its content tag."""


class DamageError(Exception):
    """A gallery is not in order."""


@dataclass(frozen=True)
class Workshop:
    """A folder with a key and a database, in which commands run.

    Attributes
    ----------
    people
        Embeddings of everybody who may be enrolled and is looked for, by label.
    """

    folder: Path
    people: Mapping[str, Floats] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)

    def run(self, *commands: Sequence[object], user: int | None = None) -> list[Done]:
        """Run commands one after the other, whatever they return."""
        lines = [[str(word) for word in command] for command in commands]
        life = run_commands(self.folder, lines, self.variables, user=user)
        assert life.exit_code == 0, f"{commands} ended with {life.exit_code}"
        return life.done

    def do(self, *commands: Sequence[object]) -> None:
        """Run commands that must succeed."""
        for done in self.run(*commands):
            assert done.code == 0, done.err

    def save(self, name: str, labels: Sequence[str]) -> None:
        """Write a file of embeddings of some of the people."""
        rows = np.stack([self.people[label] for label in labels])
        np.savez(self.folder / name, embeddings=rows, labels=np.array(labels))

    @property
    def variables(self) -> dict[str, str]:
        """The program's environment variables."""
        usual = {"GALLERY_KEY": KEY_FILE, "GALLERY_DATABASE": f"sqlite:///{DATABASE}"}
        return usual | dict(self.environment)


def gallery_state(shop: Workshop, gallery: str = "default") -> State:
    """Look at a gallery with the program itself; raise `DamageError` if anything is wrong with it.

    Whoever is enrolled must be found by their own embedding, and nobody else.
    """
    everybody = list(shop.people)
    commands = [["verify", "--deep"], ["list", "--json"]]
    if everybody:
        shop.save("everybody.npz", everybody)
        commands.append(["identify", "everybody.npz", "--json", "--threshold", "0.001"])
    verified, *others = shop.run(*([*command, "--gallery", gallery] for command in commands))
    if verified.code in (GalleryNotFoundError.exit_code, DatabaseError.exit_code):
        expected = ("no galleries yet", "there is no database", "there is no gallery named")
        if not any(words in verified.err for words in expected):
            raise DamageError(f"verify: {verified.err}")
        return None
    for command, done in zip(commands, [verified, *others], strict=True):
        if done.code != 0:
            raise DamageError(f"{command[0]} ends with {done.code}: {done.out}{done.err}")
    labels = [str(item["label"]) for item in _records(others[0])]
    answers = [record["label"] for record in _records(others[1])] if everybody else []
    if answers != [person if person in labels else None for person in everybody]:
        raise DamageError(f"identify takes {everybody} for {answers}")
    return tuple(sorted(labels))


def _records(done: Done) -> list[dict[str, object]]:
    return [json.loads(line) for line in done.out.splitlines()]


def relabelled_state(shop: Workshop) -> State:
    """Look at a gallery whose people may have another label by now, and are found under it."""
    return gallery_state(replace(shop, people={}))


def assigned_state(shop: Workshop) -> State:
    """Look at a gallery whose first reference may be another person's by now.

    What its former label was sealed to and hashed to is in a file until then, and in none after.
    """
    labels = relabelled_state(shop)
    former = [bytes.fromhex(line) for line in (shop.folder / FORMER).read_text().split()]
    files = [path.read_bytes() for path in shop.folder.rglob("*") if path.is_file()]
    left = [value.hex() for value in former if any(value in content for content in files)]
    if len(left) != (0 if labels is not None and "Ada" in labels else len(former)):
        raise DamageError(f"of labels {labels}, files hold {left} of the former one's values")
    return labels


def annotated_state(shop: Workshop) -> State:
    """Look at a gallery, and who in it has a certain number."""
    labels, (done,) = gallery_state(shop), shop.run(["people", "--attribute", "id=4711", "--json"])
    numbered = sorted(str(item["label"]) for item in _records(done))
    return None if labels is None else (*labels, *numbered)


def state_with_blocks(shop: Workshop) -> State:
    """Look at a gallery, and count its blocks as well."""
    labels, (done,) = gallery_state(shop), shop.run(["info", "--json"])
    return None if labels is None else (f"{_records(done)[0]['blocks']} blocks", *labels)


def database_state(shop: Workshop) -> State:
    """Look whether the database has its tables."""
    (done,) = shop.run(["info"])
    if "no galleries yet" in done.err:
        return None
    if done.code != GalleryNotFoundError.exit_code:
        raise DamageError(f"info ends with {done.code}: {done.err}")
    return ()


def audit_log(shop: Workshop) -> None:
    """Make an audit log with two events of long ago."""
    now = time.time_ns() // 1_000
    with open_database(f"sqlite:///{shop.folder / DATABASE}", create=True) as database:
        old = [AuditEvent(Action.SEARCH, time=number) for number in range(2)]
        AuditStore(database).append([*old, AuditEvent(Action.WRITE, time=now - 1_000_000)])


def audit_state(shop: Workshop) -> State:
    """Look at the actions in the audit log, which must be whole."""
    shown, checked = shop.run(["audit", "--json"], ["audit", "check"])
    if checked.code != 0:
        raise DamageError(f"audit check: {checked.err}")
    return tuple(str(record["action"]) for record in _records(shown))


def key_state(shop: Workshop) -> State:
    """Look whether there is a key file that makes a gallery; it must be its owner's alone."""
    for path in shop.folder.iterdir():
        if path.name.lstrip(".").startswith(KEY_FILE) and path.stat().st_mode & 0o077:
            raise DamageError(f"others can read {path.name}")
    words = ["init", "--dimension", 2, "--database", "sqlite:///trial.db"]
    (done,) = shop.run(words)
    (shop.folder / "trial.db").unlink(missing_ok=True)
    if done.code == KeyFileNotFoundError.exit_code:
        return None
    if done.code != 0:
        raise DamageError(f"the key file does not open: {done.err}")
    return ()


def renewed_state(shop: Workshop) -> State:
    """Look at a gallery with the old key or the new one, whichever it is under."""
    new = replace(shop, environment={"GALLERY_KEY": NEW_KEY_FILE})
    (under_old,) = shop.run(["info", "--json"])
    now = new if under_old.code == KeyMismatchError.exit_code else shop
    labels, (done,) = gallery_state(now), now.run(["info", "--json"])
    key_name = now.variables["GALLERY_KEY"]
    return None if labels is None else (key_name, str(_records(done)[0]["parameters"]), *labels)


def passphrase_state(shop: Workshop) -> State:
    """Look which passphrase opens the key file; exactly one must."""
    opening = []
    for passphrase in (OLD, NEW):
        (done,) = replace(shop, environment={"GALLERY_PASSPHRASE": passphrase}).run(["info"])
        opening += [passphrase] if done.code == 0 else []
    if len(opening) != 1:
        raise DamageError(f"the key file opens with {opening}")
    return (opening[0],)


def both_galleries(shop: Workshop) -> State:
    """Look at a new gallery, and that the one beside it is as it was."""
    if gallery_state(shop) != tuple(shop.people)[:5]:
        raise DamageError("the other gallery is not as it was")
    return gallery_state(replace(shop, people={}), "another")


@dataclass(frozen=True)
class Scenario:
    """A command that is killed again and again.

    Attributes
    ----------
    prepare
        Makes what the command starts from.
    command
        Its command line.
    states
        The state before the command, and after each of its writes; the last is its final state.
    inspect
        Returns the state of a folder.
    people
        See `Workshop`.
    done_already
        Exit code of the command where another run has finished its work.
    commits
        Whether each step to the next state is a commit in the database.
    """

    name: str
    prepare: Callable[[Workshop], None]
    command: Sequence[object]
    states: tuple[State, ...]
    inspect: Callable[[Workshop], State] = gallery_state
    people: Mapping[str, Floats] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    done_already: int = 0
    commits: bool = True

    def workshop(self, folder: Path) -> Workshop:
        """Return a folder as this scenario's place of work."""
        return Workshop(folder, self.people, self.environment)

    def words(self, folder: Path) -> list[str]:
        """Return the command line as strings, with the identifier that a folder names."""
        words = [str(word) for word in self.command]
        known = (folder / IDENTIFIER).read_text() if IDENTIFIER in words else ""
        return [known if word == IDENTIFIER else word for word in words]


# --- people ---------------------------------------------------------------------------------------


def crowd(count: int, dimension: int) -> dict[str, Floats]:
    """Return as many people with random embeddings."""
    rows = np.random.default_rng(7).normal(size=(count, dimension))
    return {f"person {number:02}": row for number, row in enumerate(rows)}


SMALL = crowd(12, 4)
LABELS = tuple(SMALL)

NEARLY_A_BLOCK = 4092
"""References with which a block has room for two more."""

RING = {f"on the ring {i}": np.array([np.cos(i), np.sin(i)]) for i in (0.2, 0.8, 1.4, 2.0, 2.6)}
"""Five people whose embeddings of two values lie in one half plane; the mass lies in the other."""
MASS = tuple(f"mass {number:04}" for number in range(NEARLY_A_BLOCK))


# --- what commands start from ---------------------------------------------------------------------


def nothing(_shop: Workshop) -> None:
    """An empty folder."""


def key(shop: Workshop) -> None:
    """A key file."""
    shop.do(["key", "new", "--no-passphrase"])


def empty_file(shop: Workshop) -> None:
    """A key file, and a database file of no bytes."""
    key(shop)
    (shop.folder / DATABASE).touch()


def empty_gallery(shop: Workshop, parameters: str = "compact") -> None:
    """A gallery without references, and files of new ones."""
    key(shop)
    shop.do(["init", "--dimension", 4, "--parameters", parameters])
    shop.save("first.npz", LABELS[:5])
    shop.save("second.npz", LABELS[5:8])
    shop.save("third.npz", LABELS[8:])


def some_enrolled(shop: Workshop, parameters: str = "compact") -> None:
    """A gallery with five references."""
    empty_gallery(shop, parameters)
    shop.do(["enroll", "first.npz"])


def some_enrolled_with_an_identifier(shop: Workshop, parameters: str = "compact") -> None:
    """A gallery with five references, and files of what the database has of the first one."""
    some_enrolled(shop, parameters)
    (listed,) = shop.run(["list", "--json", "--label", LABELS[0]])
    (record,) = _records(listed)
    (shop.folder / IDENTIFIER).write_text(str(record["reference_id"]))
    with closing(sqlite3.connect(shop.folder / DATABASE)) as connection:
        (row,) = connection.execute(
            "SELECT sealed_label, pseudonym, content_tag FROM reference WHERE reference_id = ?",
            [bytes.fromhex(str(record["reference_id"]))],
        )
    (shop.folder / FORMER).write_text("\n".join(value.hex() for value in row))


def nearly_full_block(shop: Workshop, parameters: str = "compact") -> None:
    """A gallery whose only block has room for two more references, and a file of five."""
    key(shop)
    shop.do(["init", "--dimension", 2, "--parameters", parameters])
    angles = np.linspace(np.pi + 0.3, 2 * np.pi - 0.3, NEARLY_A_BLOCK)
    rows = np.column_stack([np.cos(angles), np.sin(angles)])
    np.savez(shop.folder / "mass.npz", embeddings=rows, labels=np.array(MASS))
    shop.do(["enroll", "mass.npz"])
    shop.save("ring.npz", tuple(RING))


def backup(shop: Workshop, parameters: str = "compact") -> None:
    """A backup of a gallery with five references, no database, and nothing that was seen."""
    some_enrolled(shop, parameters)
    shop.do(["export", "backup"])
    for name in (DATABASE, f"{KEY_FILE}.seen"):
        (shop.folder / name).unlink()


def some_enrolled_and_a_new_key(shop: Workshop) -> None:
    """A gallery with five references, and a second key file."""
    some_enrolled(shop)
    shop.do(["key", "new", "--no-passphrase", "--key", NEW_KEY_FILE])


def sealed_key(shop: Workshop) -> None:
    """A key file with a passphrase, and an empty gallery."""
    shop.do(["key", "new"], ["init", "--dimension", 2])


def two_blocks(shop: Workshop, parameters: str = "compact") -> None:
    """A gallery with a full block and three references in a second one."""
    nearly_full_block(shop, parameters)
    shop.do(["enroll", "ring.npz"])


def two_blocks_with_holes(shop: Workshop, parameters: str = "compact") -> None:
    """A gallery with references in two blocks that would fit into one."""
    two_blocks(shop, parameters)
    shop.do(["remove", *MASS[:10], "--yes"])


def with_swift(prepare: Callable[[Workshop, str], None]) -> Callable[[Workshop], None]:
    """Return what prepares the same with the parameter set ``swift``."""
    return partial(prepare, parameters="swift")  # type: ignore[call-arg]


# --- the commands ---------------------------------------------------------------------------------

_OF_CKKS = (
    Scenario(
        "key new",
        prepare=nothing,
        command=["key", "new"],
        states=(None, ()),
        inspect=key_state,
        environment={"GALLERY_PASSPHRASE": OLD},
        done_already=KeyFileExistsError.exit_code,
        commits=False,
    ),
    Scenario(
        "init on a new database",
        prepare=key,
        command=["init", "--dimension", 8],
        states=(None, None, ()),  # the first write makes the tables
        done_already=GalleryExistsError.exit_code,
    ),
    Scenario(
        "init beside another gallery",
        prepare=some_enrolled,
        command=["init", "--dimension", 2, "--gallery", "another"],
        states=(None, ()),
        inspect=both_galleries,
        people=SMALL,
        done_already=GalleryExistsError.exit_code,
    ),
    Scenario(
        "migrate an empty file",
        prepare=empty_file,
        command=["migrate"],
        states=(None, ()),
        inspect=database_state,
    ),
    Scenario(
        "enroll into an empty gallery",
        prepare=empty_gallery,
        command=["enroll", "first.npz"],
        states=((), LABELS[:5]),
        people=SMALL,
    ),
    Scenario(
        "enroll into a block that has some",
        prepare=some_enrolled,
        command=["enroll", "second.npz"],
        states=(LABELS[:5], LABELS[:8]),
        people=SMALL,
    ),
    Scenario(
        "enroll three files, of which one is enrolled",
        prepare=some_enrolled,
        command=["enroll", "second.npz", "first.npz", "third.npz"],
        states=(LABELS[:5], LABELS[:8], LABELS),
        people=SMALL,
    ),
    Scenario(
        "enroll over two blocks",
        prepare=nearly_full_block,
        command=["enroll", "ring.npz"],
        states=(MASS, tuple(sorted((*MASS, *list(RING)[:2]))), tuple(sorted((*MASS, *RING)))),
        people=RING,
    ),
    Scenario(
        "remove two people",
        prepare=some_enrolled,
        command=["remove", *LABELS[:2], "--yes"],
        states=(LABELS[:5], LABELS[2:5]),
        people=SMALL,
        done_already=ReferenceNotFoundError.exit_code,
    ),
    Scenario(
        "rename a person",
        prepare=some_enrolled,
        command=["rename", LABELS[0], "Ada"],
        states=(LABELS[:5], tuple(sorted(("Ada", *LABELS[1:5])))),
        inspect=relabelled_state,
        people=SMALL,
        done_already=ReferenceNotFoundError.exit_code,
    ),
    Scenario(
        "assign a reference to another person",
        prepare=some_enrolled_with_an_identifier,
        command=["assign", IDENTIFIER, "Ada"],
        states=(LABELS[:5], tuple(sorted(("Ada", *LABELS[1:5])))),
        inspect=assigned_state,
        people=SMALL,
    ),
    Scenario(
        "remove everybody in the last block",
        prepare=two_blocks,
        command=["remove", *list(RING)[2:], "--yes"],
        states=(tuple(sorted((*MASS, *RING))), tuple(sorted((*MASS, *list(RING)[:2])))),
        people=RING,
        done_already=ReferenceNotFoundError.exit_code,
    ),
    Scenario(
        "compact two blocks into one",
        prepare=two_blocks_with_holes,
        command=["compact"],
        states=(
            ("2 blocks", *sorted((*MASS[10:], *RING))),
            ("1 blocks", *sorted((*MASS[10:], *RING))),
        ),
        inspect=state_with_blocks,
        people=RING,
    ),
    Scenario(
        "import a backup",
        prepare=backup,
        command=["import", "backup"],
        states=(None, None, LABELS[:5]),  # the first write makes the tables
        people=SMALL,
        done_already=GalleryExistsError.exit_code,
    ),
    Scenario(
        "rekey to a new key and other parameters",
        prepare=some_enrolled_and_a_new_key,
        command=["rekey", "--new-key", NEW_KEY_FILE, "--parameters", "standard", "--yes"],
        states=(
            (KEY_FILE, "compact", *LABELS[:5]),
            (NEW_KEY_FILE, "standard", *LABELS[:5]),
        ),
        inspect=renewed_state,
        people=SMALL,
        commits=False,
    ),
    Scenario(
        "key passphrase",
        prepare=sealed_key,
        command=["key", "passphrase"],
        states=((OLD,), (NEW,)),
        inspect=passphrase_state,
        environment={"GALLERY_PASSPHRASE": OLD, "GALLERY_NEW_PASSPHRASE": NEW},
        done_already=WrongPassphraseError.exit_code,
        commits=False,
    ),
)

_OF_SWIFT = (
    Scenario(
        "enroll into a block that has some, with swift",
        prepare=with_swift(some_enrolled),
        command=["enroll", "second.npz"],
        states=(LABELS[:5], LABELS[:8]),
        people=SMALL,
    ),
    Scenario(
        "enroll over two blocks, with swift",
        prepare=with_swift(nearly_full_block),
        command=["enroll", "ring.npz"],
        states=(MASS, tuple(sorted((*MASS, *list(RING)[:2]))), tuple(sorted((*MASS, *RING)))),
        people=RING,
    ),
    Scenario(
        "remove two people, with swift",
        prepare=with_swift(some_enrolled),
        command=["remove", *LABELS[:2], "--yes"],
        states=(LABELS[:5], LABELS[2:5]),
        people=SMALL,
        done_already=ReferenceNotFoundError.exit_code,
    ),
    Scenario(
        "merge people in two blocks, with swift",
        prepare=with_swift(two_blocks),
        command=["merge", list(RING)[4], next(iter(RING)), "--yes"],
        states=(
            tuple(sorted((*MASS, *RING))),
            tuple(sorted((*MASS, *list(RING)[:4], next(iter(RING))))),
        ),
        inspect=relabelled_state,
        people=RING,
        done_already=ReferenceNotFoundError.exit_code,
    ),
    Scenario(
        "assign a reference to another person, with swift",
        prepare=with_swift(some_enrolled_with_an_identifier),
        command=["assign", IDENTIFIER, "Ada"],
        states=(LABELS[:5], tuple(sorted(("Ada", *LABELS[1:5])))),
        inspect=assigned_state,
        people=SMALL,
    ),
    Scenario(
        "annotate people in two blocks, with swift",
        prepare=with_swift(two_blocks),
        command=["annotate", next(iter(RING)), list(RING)[4], "--attribute", "id=4711"],
        states=(
            tuple(sorted((*MASS, *RING))),
            (*sorted((*MASS, *RING)), *sorted((next(iter(RING)), list(RING)[4]))),
        ),
        inspect=annotated_state,
        people=RING,
    ),
    Scenario(
        "compact two blocks into one, with swift",
        prepare=with_swift(two_blocks_with_holes),
        command=["compact"],
        states=(
            ("2 blocks", *sorted((*MASS[10:], *RING))),
            ("1 blocks", *sorted((*MASS[10:], *RING))),
        ),
        inspect=state_with_blocks,
        people=RING,
    ),
    Scenario(
        "import a backup, with swift",
        prepare=with_swift(backup),
        command=["import", "backup"],
        states=(None, None, LABELS[:5]),  # the first write makes the tables
        people=SMALL,
        done_already=GalleryExistsError.exit_code,
    ),
    Scenario(
        "rekey to a new key and to swift",
        prepare=some_enrolled_and_a_new_key,
        command=["rekey", "--new-key", NEW_KEY_FILE, "--parameters", "swift", "--yes"],
        states=((KEY_FILE, "compact", *LABELS[:5]), (NEW_KEY_FILE, "swift", *LABELS[:5])),
        inspect=renewed_state,
        people=SMALL,
        commits=False,
    ),
)
"""What writes check sums as well."""

_OF_SERVERS = (
    Scenario(
        "prune the audit log",
        prepare=audit_log,
        command=["audit", "prune", "--older-than", "30d", "--yes"],
        states=(("search", "search", "write"), ("write", "prune")),
        inspect=audit_state,
    ),
)
"""What an operator does."""

SCENARIOS = (*_OF_CKKS, *_OF_SWIFT, *_OF_SERVERS)
