"""Former arguments of clients: each still works, and says its present name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gallery.client import GalleryClient, GalleryKey, PhotoEmbedder, StateFile, renew_gallery
from gallery.client.integrity.rollback import restored_id
from gallery.errors import GalleryError
from gallery.server import EmbeddedService
from tests.support.galleries import names, random_embeddings


def warned(call: Callable[..., Any], *args: Any, present: str, **former: Any) -> Any:
    """Call with a former argument; check that the warning names the present one."""
    with pytest.warns(DeprecationWarning, match=f"called '{present}' now"):
        return call(*args, **former)


def test_a_client_takes_its_former_arguments(
    client: GalleryClient, service: EmbeddedService, key: GalleryKey, tmp_path: Path
) -> None:
    states = StateFile(tmp_path / "seen")
    slow = warned(GalleryClient, service, key, present="backend", engine="native")
    owner = warned(GalleryClient, service, key, present="states", memory=states)
    with slow, owner:
        slow.enroll(random_embeddings(2, 8), names(2))
        assert owner.summary().references == 2

    assert states.newest(client.description.gallery_id) is not None


def test_creating_and_restoring_take_their_former_arguments(
    client: GalleryClient, service: EmbeddedService, key: GalleryKey, tmp_path: Path
) -> None:
    backup, states = tmp_path / "backup", StateFile(tmp_path / "seen")
    client.export(backup)
    service.delete(client.description.gallery_id)

    restored = warned(
        GalleryClient.restore, service, key, backup, "restored", present="states", memory=states
    )
    restored.summary()
    warned(
        GalleryClient.create, service, key, "new", present="backend", dimension=8, engine="native"
    )

    assert states.newest(restored_id(restored.description.gallery_id, "restored")) is not None
    assert service.gallery_names() == ["new", "restored"]


def test_renewing_takes_its_former_arguments(
    client: GalleryClient, service: EmbeddedService, key: GalleryKey, tmp_path: Path
) -> None:
    new_key = GalleryKey.generate()
    options = {"memory": tmp_path / "old", "new_memory": tmp_path / "new"}
    for name, present in (("memory", "states"), ("new_memory", "new_states")):
        former: dict[str, Any] = {name: StateFile(options[name])}
        with pytest.warns(DeprecationWarning, match=f"'{name}'.*called '{present}' now"):
            renew_gallery(service, key, new_key, **former)

    assert options["new_memory"].exists()


def test_an_embedder_takes_its_former_argument() -> None:
    embedder = warned(PhotoEmbedder, "Dlib", present="runtime", engine="onnx")

    assert embedder.dimension == 128


@pytest.mark.parametrize("former", [{"engine": "tenseal"}, {"engine": "native"}])
def test_both_names_of_an_argument_are_one_too_many(
    client: GalleryClient, service: EmbeddedService, key: GalleryKey, former: dict[str, Any]
) -> None:
    with pytest.raises(TypeError, match="got both 'backend' and 'engine'"):
        GalleryClient(service, key, backend="native", **former)


def test_a_former_value_is_known_by_the_former_name_alone(
    client: GalleryClient, service: EmbeddedService, key: GalleryKey
) -> None:
    with pytest.raises(GalleryError, match="no backend 'tenseal'; there are: native, seal"):
        GalleryClient(service, key, backend="tenseal")
