"""``gallery verify``: check that a gallery is what its owner wrote."""

from __future__ import annotations

from dataclasses import asdict

import click

from gallery.commands.counts import counted
from gallery.commands.options import common_options, json_option
from gallery.commands.settings import Settings
from gallery.commands.terminal import print_json, print_result
from gallery.errors import IntegrityError

_EPILOG = """
\b
Examples:
  gallery verify
  gallery verify --deep
  gallery verify --accept-rollback       after putting back a backup on purpose
  gallery verify --accept-wrong-results  after faulty memory of a server was replaced
"""


@click.command("verify", epilog=_EPILOG)
@click.option("--deep", is_flag=True, help="Decrypt every block as well.")
@click.option(
    "--accept-rollback",
    is_flag=True,
    help="Take the state of the database for the newest, though a newer one was seen.",
)
@click.option(
    "--accept-wrong-results",
    is_flag=True,
    help="Search again although the server has given results that its blocks do not give.",
)
@json_option("Print the report as one JSON object.")
@common_options
def command(
    settings: Settings,
    deep: bool,
    accept_rollback: bool,
    accept_wrong_results: bool,
    as_json: bool,
) -> int:
    """Check every statement, digest and label of a gallery, and name each damaged thing."""
    with settings.open_client() as client:
        if accept_rollback:
            client.accept_rollback()
        if accept_wrong_results:
            client.accept_wrong_results()
        with settings.progress("verifying blocks", client.block_count()) as advance:
            report = client.verify(deep=deep, progress=advance)
    if as_json:
        print_json(asdict(report))
    else:
        for finding in report.findings:
            print_result(f"{finding.subject}: {finding.problem}")
    if report.findings:
        settings.notice(f"found damaged: {len(report.findings)}")
        return IntegrityError.exit_code
    settings.notice(f"sound: {counted(report.references, 'reference')}, blocks: {report.blocks}")
    return 0
