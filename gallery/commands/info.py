"""``gallery info``: show the properties of a gallery."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from gallery.commands.options import common_options, json_option
from gallery.commands.output import print_table
from gallery.commands.settings import Settings
from gallery.commands.terminal import print_json
from gallery.commands.threshold_notes import threshold_record
from gallery.errors import ThresholdRequiredError

if TYPE_CHECKING:
    from gallery.client import GalleryClient, Threshold

_EPILOG = """
\b
Examples:
  gallery info
  gallery info --gallery staff --json
"""


@click.command("info", epilog=_EPILOG)
@json_option("Print one JSON object.")
@common_options
def command(settings: Settings, as_json: bool) -> None:
    """Show the properties of a gallery, checked with the key."""
    from gallery.client.integrity.clock import age_in_words

    with settings.open_client() as client:
        properties = _properties(client)
    if as_json:
        print_json(properties)
        return
    properties["age"] = age_in_words(properties.pop("age_seconds"))
    print_table(
        (),
        (
            (name.replace("_", " "), "-" if value is None else str(value))
            for name, value in properties.items()
        ),
    )


def _properties(client: GalleryClient) -> dict[str, Any]:
    from gallery.client.integrity.clock import in_utc
    from gallery.parameters import find_parameters

    found = client.description
    made_by = found.preprocessing
    parameters = find_parameters(found.parameters)
    state, calibrated = client.summary(), client.calibration()
    used = threshold_record(_threshold(client), state.references)
    return {
        "gallery": found.name,
        "references": state.references,
        "blocks": state.blocks,
        "model": made_by.model or None,
        "detector": made_by.detector or None,
        "deepface": None if found.origin is None else found.origin.deepface,
        "runtime": None if found.origin is None else found.origin.runtime,
        "model_weights": None if found.origin is None else found.origin.model_digest.hex(),
        "detector_weights": None if found.origin is None else found.origin.detector_digest.hex(),
        "dimension": found.dimension,
        "metric": str(found.metric),
        "norm_bound": None if found.metric.normalizes else found.norm_bound,
        "threshold": used["threshold"],
        "threshold_origin": used["threshold_origin"],
        "expected_fpir": used["expected_fpir"],
        "calibration": calibrated.origin if calibrated else None,
        "parameters": found.parameters,
        "security_bits": parameters.security_bits,
        "gallery_id": found.gallery_id.hex(),
        "key_id": found.key_id.hex(),
        "lineage": state.lineage.hex() or None,
        "version": state.version,
        "created": in_utc(found.created),
        "signed": None if state.signed is None else in_utc(state.signed),
        "age_seconds": state.age,
    }


def _threshold(client: GalleryClient) -> Threshold | None:
    try:
        return client.threshold()
    except ThresholdRequiredError:
        return None
