"""A desk that is sent anything at all answers as its OpenAPI document says, and goes on."""

from __future__ import annotations

from pathlib import Path

import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from gallery.client import GalleryClient, GalleryKey
from gallery.desk.access.scopes import DeskScope
from gallery.server import EmbeddedService
from tests.support.desks import PASSPHRASE, open_desk
from tests.support.galleries import names, random_embeddings

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
EXAMPLES = 15
"""Requests for each operation."""


def test_answers_are_those_of_the_document(
    service: EmbeddedService, key: GalleryKey, tmp_path: Path
) -> None:
    with GalleryClient.create(service, key, dimension=8, threshold=0.3) as client:
        client.enroll(random_embeddings(3, 8), names(3))
    with open_desk(service, key, tmp_path) as desk:
        token = desk.state.tokens.issue("fuzz", DeskScope.MANAGE)
        headers = {"Authorization": f"Bearer {token}"}
        document = schemathesis.openapi.from_url(f"{desk.address}/v1/openapi.json")
        operations = [
            found.ok()  # type: ignore[union-attr]
            for found in document.exclude(path_regex="/events$").get_all_operations()
        ]

        for operation in operations:

            @settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
            @given(case=operation.as_strategy())
            def ask(case: schemathesis.Case) -> None:
                desk.state.owner.unlock(PASSPHRASE)
                if "gallery" in case.path_parameters:
                    case.path_parameters["gallery"] = "default"
                case.call_and_validate(headers=headers, checks=CHECKS, timeout=60)

            ask()

        assert len(operations) > 12
        assert desk.program().get("/healthz").json() == {"status": "ok"}
