"""Errors: a message, a hint, and both in the text."""

from __future__ import annotations

import copy
import inspect
import pickle
import re

import pytest

from gallery import client, errors, server
from gallery.client import FolderSync, GalleryClient
from gallery.errors import AccessDeniedError, GalleryError, ThresholdRequiredError
from gallery.hints import Hint
from gallery.server import gatekeeper
from gallery.store import TokenStore

KINDS = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, GalleryError)
]
FUNCTIONS = {*client.__all__, *server.__all__, *gatekeeper.__all__}


def test_the_text_is_the_message_and_the_hint() -> None:
    error = ThresholdRequiredError("there is no threshold", hint=Hint.GIVE_THRESHOLD)

    assert error.message == "there is no threshold"
    assert error.hint is Hint.GIVE_THRESHOLD
    assert str(error) == f"there is no threshold; {Hint.GIVE_THRESHOLD.value}"


def test_without_a_hint_the_text_is_the_message() -> None:
    assert str(GalleryError("the disk is full")) == "the disk is full"
    assert GalleryError("the disk is full").hint is None


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_kind_takes_a_hint_and_keeps_it_between_processes(kind: type[GalleryError]) -> None:
    error = kind("why", hint=Hint.TRY_AGAIN)

    for same in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert type(same) is kind
        assert (same.message, same.hint) == ("why", Hint.TRY_AGAIN)


def test_a_refused_token_is_still_named_for_the_log_alone() -> None:
    error = AccessDeniedError("no", hint=Hint.ASK_FOR_TOKEN, reason="revoked", token_name="door")

    same = pickle.loads(pickle.dumps(error))

    assert (same.reason, same.token_id, same.token_name) == ("revoked", None, "door")
    assert "door" not in str(same)
    assert "revoked" not in str(same)


def test_hints_continue_a_sentence() -> None:
    for hint in Hint:
        first = hint.value.split()[0]
        assert first[0].islower() or "." in first, f"{hint.name} starts a sentence of its own"
        assert not hint.value.endswith((".", ";")), hint.name


@pytest.mark.parametrize("hint", Hint, ids=lambda hint: hint.name)
def test_what_a_hint_names_is_in_the_library(hint: Hint) -> None:
    classes = {
        "FolderSync": FolderSync,
        "GalleryClient": GalleryClient,
        "TokenStore": TokenStore,
    }

    for owner, name in re.findall(r"\b([A-Z]\w+)\.(\w+)", hint.value):
        assert callable(getattr(classes[owner], name))
    for argument in re.findall(r"argument (\w+) of GalleryClient\.create", hint.value):
        assert argument in inspect.signature(GalleryClient.create).parameters
    for name in re.findall(r"(?<!\.)(?<!argument )\b[a-z]+_[a-z_]+\b(?!=)", hint.value):
        assert name in FUNCTIONS
