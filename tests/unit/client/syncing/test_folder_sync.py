"""A gallery follows a folder: what is added, moved, changed and removed there, and nothing else."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from gallery.client import FolderSync, GalleryClient, PhotoFailure
from gallery.client.syncing.plan import Removal
from gallery.errors import (
    EmptiedFolderError,
    InvalidLabelError,
    LedgerError,
    SourceError,
    WriteConflictError,
)
from tests.support.counting import count_calls
from tests.support.galleries import random_embeddings
from tests.support.syncing import DIMENSION, ContentEmbedder, PeopleFolder, held


@pytest.fixture
def enrolled(sync: FolderSync, people: PeopleFolder, embedder: ContentEmbedder) -> FolderSync:
    """Two people whose three photos are in the gallery."""
    people.write("Ada/1.jpg", "Ada, first")
    people.write("Ada/2.jpg", "Ada, second")
    people.write("Grace/1.jpg", "Grace")
    sync.apply(sync.plan())
    embedder.embedded.clear()
    return sync


def test_what_is_new_is_enrolled_and_after_that_nothing_is_to_do(
    sync: FolderSync, people: PeopleFolder, client: GalleryClient
) -> None:
    ada = people.write("Ada/1.jpg", "Ada")
    people.write("Grace/deeper/1.jpg", "Grace")

    plan = sync.plan()
    done = sync.apply(plan)

    assert [(item.path, item.label, item.replaced) for item in plan.additions] == [
        (ada, "Ada", ()),
        (people.path / "Grace/deeper/1.jpg", "Grace", ()),
    ]
    assert held(client) == ["Ada", "Grace"]
    assert {path for path, _ in done.added} == {item.path for item in plan.additions}
    again = sync.plan()
    assert again.is_empty
    assert again.unchanged == 2
    assert sync.apply(again).is_empty


def test_a_photo_that_changed_replaces_what_it_was(
    enrolled: FolderSync, people: PeopleFolder, client: GalleryClient
) -> None:
    (former,) = client.references(["Grace"])
    people.write("Grace/1.jpg", "Grace, later")

    plan = enrolled.plan()
    done = enrolled.apply(plan)

    (addition,) = plan.additions
    assert addition.replaced == (former,)
    assert plan.removals == ()
    assert done.replaced == (former,)
    (now,) = client.references(["Grace"])
    assert now.reference_id == done.added[0][1] != former.reference_id


def test_what_is_gone_is_erased_and_nothing_that_came_otherwise(
    enrolled: FolderSync, people: PeopleFolder, client: GalleryClient
) -> None:
    by_hand = client.enroll(random_embeddings(2, DIMENSION), ["Ada", "Edith"])
    people.remove("Ada/2.jpg")
    people.remove("Grace/1.jpg")

    plan = enrolled.plan()
    done = enrolled.apply(plan)

    assert [(item.path.name, item.reference.label) for item in plan.removals] == [
        ("2.jpg", "Ada"),
        ("1.jpg", "Grace"),
    ]
    assert done.removed == tuple(item.reference for item in plan.removals)
    assert held(client) == ["Ada", "Ada", "Edith"]
    assert set(by_hand.reference_ids) <= {item.reference_id for item in client.references()}


@pytest.mark.parametrize(
    ("former", "name", "labels"),
    [
        ("Ada/1.jpg", "Ada/new name.jpg", ["Ada", "Ada", "Grace"]),
        ("Ada/1.jpg", "Ada/deeper/1.jpg", ["Ada", "Ada", "Grace"]),
        ("Ada", "Ada Lovelace", ["Ada Lovelace", "Ada Lovelace", "Grace"]),
        ("Ada/1.jpg", "Grace/2.jpg", ["Ada", "Grace", "Grace"]),
    ],
)
def test_what_is_moved_is_not_embedded_anew_and_stays_the_same_reference(
    enrolled: FolderSync,
    people: PeopleFolder,
    client: GalleryClient,
    embedder: ContentEmbedder,
    former: str,
    name: str,
    labels: list[str],
) -> None:
    before = {item.reference_id for item in client.references()}
    people.move(former, name)

    plan = enrolled.plan()
    enrolled.apply(plan)

    assert held(client) == labels
    assert {item.reference_id for item in client.references()} == before
    assert not embedder.embedded
    assert not plan.additions
    assert not plan.removals
    assert enrolled.plan().is_empty


def test_two_people_may_change_their_folders(
    enrolled: FolderSync, people: PeopleFolder, client: GalleryClient, embedder: ContentEmbedder
) -> None:
    photos = {item.reference_id: item.label for item in client.references()}
    people.move("Ada", "between")
    people.move("Grace", "Ada")
    people.move("between", "Grace")

    enrolled.apply(enrolled.plan())

    other = {"Ada": "Grace", "Grace": "Ada"}
    assert {item.reference_id: item.label for item in client.references()} == {
        reference_id: other[label] for reference_id, label in photos.items()
    }
    assert not embedder.embedded


def test_what_was_renamed_in_the_gallery_gets_its_folders_name_again(
    enrolled: FolderSync, client: GalleryClient, embedder: ContentEmbedder
) -> None:
    client.rename("Ada", "Ada Lovelace")

    plan = enrolled.plan()
    enrolled.apply(plan)

    assert [(item.reference.label, item.label) for item in plan.relabellings] == [
        ("Ada Lovelace", "Ada"),
        ("Ada Lovelace", "Ada"),
    ]
    assert held(client) == ["Ada", "Ada", "Grace"]
    assert not embedder.embedded


def test_what_was_erased_in_the_gallery_comes_again(
    enrolled: FolderSync, client: GalleryClient
) -> None:
    client.remove(["Ada"])

    enrolled.apply(enrolled.plan())

    assert held(client) == ["Ada", "Ada", "Grace"]


@pytest.mark.parametrize("how", ["damaged", "a link that leads nowhere", "no photo"])
def test_a_photo_that_cannot_be_read_takes_nothing_away(
    enrolled: FolderSync, people: PeopleFolder, client: GalleryClient, how: str
) -> None:
    before = list(client.references())
    people.write("Ada/2.jpg", "half", damaged=True)
    if how == "a link that leads nowhere":
        people.remove("Ada/2.jpg")
        (people.path / "Ada/2.jpg").symlink_to(people.path / "gone.jpg")
    elif how == "no photo":  # a name that promises none, and an empty file
        people.move("Ada/2.jpg", "Ada/2")
        people.write("Ada/2", "Ada, second")
        enrolled.apply(enrolled.plan())
        (people.path / "Ada/2").write_bytes(b"")

    done = enrolled.apply(enrolled.plan())
    again = enrolled.plan()

    assert list(client.references()) == before
    assert [Path(item.path).stem for item in done.failures] == ["2"]
    assert [Path(item.path).stem for item in again.failures] == ["2"]
    assert again.is_empty
    people.remove("Ada/2" if how == "no photo" else "Ada/2.jpg")
    enrolled.apply(enrolled.plan())
    assert held(client) == ["Ada", "Grace"]


def test_what_lies_in_a_folder_that_cannot_be_read_is_not_gone(
    enrolled: FolderSync, people: PeopleFolder, client: GalleryClient
) -> None:
    people.move("Ada", "../elsewhere")
    (people.path / "Ada").symlink_to(people.path / "not mounted")

    plan = enrolled.plan()

    assert plan.is_empty
    assert [item.path for item in plan.failures] == [people.path / "Ada"]
    enrolled.apply(plan)
    assert held(client) == ["Ada", "Ada", "Grace"]


def test_a_photo_that_gives_no_embedding_is_not_embedded_again_until_it_changes(
    enrolled: FolderSync, people: PeopleFolder, embedder: ContentEmbedder, client: GalleryClient
) -> None:
    tries: list[int] = []
    embedder.before = lambda: tries.append(1)
    people.write("Ada/2.jpg", "half", damaged=True)

    enrolled.apply(enrolled.plan())
    enrolled.apply(enrolled.plan())
    assert len(tries) == 1
    enrolled.forget_failures()
    enrolled.apply(enrolled.plan())
    assert len(tries) == 2

    people.write("Ada/2.jpg", "whole")
    enrolled.apply(enrolled.plan())
    assert len(tries) == 3
    assert held(client) == ["Ada", "Ada", "Grace"]


def test_copies_of_a_photo_are_one_reference_until_the_last_is_gone(
    enrolled: FolderSync, people: PeopleFolder, client: GalleryClient
) -> None:
    people.write("Ada/copy.jpg", "Ada, first")
    assert enrolled.plan().is_empty
    enrolled.apply(enrolled.plan())

    people.remove("Ada/1.jpg")
    assert enrolled.plan().is_empty
    enrolled.apply(enrolled.plan())
    assert held(client) == ["Ada", "Ada", "Grace"]
    people.remove("Ada/copy.jpg")
    enrolled.apply(enrolled.plan())
    assert held(client) == ["Ada", "Grace"]


@pytest.mark.parametrize("how", ["empty", "another folder", "not there"])
def test_a_folder_in_which_nothing_is_left_erases_nothing_unless_it_is_meant(
    enrolled: FolderSync, people: PeopleFolder, client: GalleryClient, how: str
) -> None:
    people.path.rename(people.path.with_name("elsewhere"))
    if how != "not there":
        people.path.mkdir()
    if how == "another folder":
        people.write("Edith/1.jpg", "Edith")

    if how == "not there":
        with pytest.raises(SourceError, match="cannot be read"):
            enrolled.plan()
        return
    plan = enrolled.plan()
    with pytest.raises(EmptiedFolderError, match="all 3 references would be erased"):
        enrolled.apply(plan)
    assert held(client) == ["Ada", "Ada", "Grace"]
    enrolled.apply(plan, remove_all=True)
    assert held(client) == (["Edith"] if how == "another folder" else [])


def test_erasing_can_be_left_for_later(
    enrolled: FolderSync, people: PeopleFolder, client: GalleryClient
) -> None:
    people.remove("Grace/1.jpg")
    people.write("Edith/1.jpg", "Edith")

    plan = enrolled.plan()
    done = enrolled.apply(plan, remove=False)

    assert held(client) == ["Ada", "Ada", "Edith", "Grace"]
    assert done.kept == plan.removals
    enrolled.apply(enrolled.plan())
    assert held(client) == ["Ada", "Ada", "Edith"]


def test_what_is_left_for_later_takes_time_by_the_photo(
    sync: FolderSync, people: PeopleFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(20):
        people.write(f"Ada/{number}.jpg", f"{number}")
    sync.apply(sync.plan())
    for number in range(1, 20):
        people.remove(f"Ada/{number}.jpg")
    plan = sync.plan()
    compared = count_calls(monkeypatch, Removal, "__eq__")

    done = sync.apply(plan, remove=False)

    assert len(done.kept) == 19
    assert compared == []


def test_a_photo_that_came_back_after_the_plan_is_not_erased(
    enrolled: FolderSync, people: PeopleFolder, client: GalleryClient
) -> None:
    people.move("Grace", "../elsewhere")
    plan = enrolled.plan()
    people.move("../elsewhere", "Grace")

    assert enrolled.apply(plan).kept == plan.removals
    assert held(client) == ["Ada", "Ada", "Grace"]


def test_two_folders_of_one_gallery_leave_each_others_references(
    enrolled: FolderSync,
    people: PeopleFolder,
    client: GalleryClient,
    ledgers: Path,
    embedder: ContentEmbedder,
    tmp_path: Path,
) -> None:
    others = PeopleFolder(tmp_path / "others")
    others.write("Ada/1.jpg", "Ada, first")
    others.write("Edith/1.jpg", "Edith")
    other = client.folder_sync(others.path, ledgers, embedder=embedder)
    other.apply(other.plan())
    assert held(client) == ["Ada", "Ada", "Edith", "Grace"]

    people.remove("Ada/1.jpg")  # the others have it, too
    plan = enrolled.plan()
    enrolled.apply(plan)

    assert plan.removals == ()
    assert held(client) == ["Ada", "Ada", "Edith", "Grace"]
    others.remove("Ada/1.jpg")
    other.apply(other.plan())
    assert held(client) == ["Ada", "Edith", "Grace"]


@pytest.mark.parametrize("how", ["lost", "damaged", "cut off", "empty"])
def test_without_its_ledger_nothing_is_erased_that_is_not_known_to_be_the_folders(
    enrolled: FolderSync, people: PeopleFolder, client: GalleryClient, ledgers: Path, how: str
) -> None:
    (ledger,) = ledgers.glob("*.ledger")
    content = ledger.read_bytes()
    people.remove("Ada/2.jpg")
    if how == "lost":
        ledger.unlink()
    else:
        damaged = {"damaged": content[:-1] + b"?", "cut off": content[:-9], "empty": b""}
        ledger.write_bytes(damaged[how])

    plan = enrolled.plan()
    enrolled.apply(plan)

    assert plan.is_empty
    assert plan.ledger_damaged is (how != "lost")
    assert plan.unproven == 1
    assert held(client) == ["Ada", "Ada", "Grace"]
    # What is there is known to be the folder's from now on.
    people.remove("Ada/1.jpg")
    enrolled.apply(enrolled.plan())
    assert held(client) == ["Ada", "Grace"]
    assert not enrolled.plan().ledger_damaged


def test_a_ledger_of_a_newer_version_is_left_as_it_is(enrolled: FolderSync, ledgers: Path) -> None:
    (ledger,) = ledgers.glob("*.ledger")
    ledger.write_bytes(ledger.read_bytes().replace(b"ledger 1", b"ledger 2"))

    with pytest.raises(LedgerError, match="newer version"):
        enrolled.plan()


def test_where_no_ledger_can_be_written_nothing_is_enrolled(
    client: GalleryClient, people: PeopleFolder, embedder: ContentEmbedder, tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(b"")
    people.write("Ada/1.jpg", "Ada")
    sync = client.folder_sync(people.path, tmp_path / "file", embedder=embedder)

    with pytest.raises(LedgerError, match="remembers what came from"):
        sync.apply(sync.plan())
    assert held(client) == []


def test_a_ledger_shows_nothing_and_nobody_else_may_read_it(
    enrolled: FolderSync, ledgers: Path, client: GalleryClient
) -> None:
    (ledger,) = ledgers.glob("*.ledger")
    content = ledger.read_bytes()

    references = [item.reference_id for item in client.references()]
    secrets = [b"Ada", b"Grace", b".jpg", b"people", *map(str.encode, references)]
    assert not [secret for secret in secrets if secret in content + ledger.name.encode()]
    assert ledger.stat().st_mode & 0o777 == 0o600
    assert ledgers.stat().st_mode & 0o777 == 0o700


def test_only_one_process_brings_a_folder_in_step_at_a_time(
    enrolled: FolderSync,
    client: GalleryClient,
    people: PeopleFolder,
    ledgers: Path,
    embedder: ContentEmbedder,
) -> None:
    people.write("Ada/3.jpg", "Ada, third")
    other = client.folder_sync(people.path, ledgers, embedder=embedder)
    refused: list[str] = []

    def meanwhile() -> None:
        with pytest.raises(WriteConflictError, match="another process is bringing") as caught:
            other.apply(other.plan())
        refused.append(caught.value.message)

    embedder.before = meanwhile
    enrolled.apply(enrolled.plan())

    assert refused
    assert held(client) == ["Ada", "Ada", "Ada", "Grace"]


def test_labels_that_are_none_are_failures(sync: FolderSync, people: PeopleFolder) -> None:
    people.write("Ada/1.jpg", "Ada")
    path = people.write("\u202eEve/1.jpg", "Eve")

    plan = sync.plan()

    with pytest.raises(InvalidLabelError) as caught:
        raise InvalidLabelError("a label holds control characters; use printable text")
    assert plan.failures == (PhotoFailure.of(path, caught.value),)
    assert [item.label for item in plan.additions] == ["Ada"]


def test_names_that_are_no_text_are_synced(
    sync: FolderSync, people: PeopleFolder, client: GalleryClient
) -> None:
    people.write("Ada/1.jpg", "Ada")
    os.rename(people.path / "Ada/1.jpg", os.fsencode(people.path / "Ada") + b"/\xff.jpg")

    sync.apply(sync.plan())

    assert sync.plan().is_empty
    assert held(client) == ["Ada"]


def test_an_unchanged_photo_is_not_read_again(
    enrolled: FolderSync, people: PeopleFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    long_ago = 1_000_000_000
    for path in people.path.glob("*/*.jpg"):
        os.utime(path, (long_ago, long_ago))
    monkeypatch.setattr("gallery.client.syncing.scan._COARSE_SECONDS", 0.0)
    enrolled.apply(enrolled.plan())
    read: list[object] = []
    monkeypatch.setattr("gallery.client.syncing.scan.file_digest", read.append)

    assert enrolled.plan().is_empty
    assert read == []


def test_a_photo_that_just_changed_is_waited_for(
    enrolled: FolderSync, people: PeopleFolder
) -> None:
    path = people.write("Ada/2.jpg", "half of a photo")

    plan = enrolled.plan(settle=3600)

    assert plan.is_empty
    assert path in plan.unsettled
    assert plan.removals == ()


def test_people_without_photos_are_told_and_no_failure(
    enrolled: FolderSync, people: PeopleFolder
) -> None:
    (people.path / "Edith").mkdir()

    plan = enrolled.plan()

    assert [Path(item.path).name for item in plan.empty] == ["Edith"]
    assert plan.failures == ()


def test_what_is_ignored_is_as_if_it_were_not_there(
    enrolled: FolderSync, people: PeopleFolder, client: GalleryClient
) -> None:
    (people.path / ".galleryignore").write_text("Grace/\n*2.jpg\n")

    plan = enrolled.plan()
    enrolled.apply(plan)

    assert held(client) == ["Ada"]
    assert sorted(
        item.path.name for item in plan.passed_over if "galleryignore" in item.reason
    ) == [
        "2.jpg",
        "Grace",
    ]


def test_a_photo_is_one_reference(client: GalleryClient, people: PeopleFolder) -> None:
    with pytest.raises(ValueError, match="faces are 'one' or 'largest', not 'all'"):
        client.folder_sync(people.path, people.path, faces="all")  # type: ignore[arg-type]
