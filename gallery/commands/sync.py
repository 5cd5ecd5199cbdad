"""``gallery sync``: bring a gallery in step with a folder of photos."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from gallery.commands.counts import counted
from gallery.commands.desk import swept_thumbnails
from gallery.commands.main import EXIT_PARTIAL
from gallery.commands.options import common_options, json_option, yes_option
from gallery.commands.paths import NamedPath
from gallery.commands.photo_arguments import faces_option
from gallery.commands.photo_processes import jobs_option
from gallery.commands.prompts import confirm
from gallery.commands.records import TableFormat, chosen_format, csv_option, print_records
from gallery.commands.reference_wording import whom
from gallery.commands.settings import Settings
from gallery.commands.sync_reports import (
    PLAN_COLUMNS,
    plan_record,
    plan_rows,
    report_record,
    show_plan,
    tell_of_plan,
    tell_report,
    what_was_done,
)
from gallery.commands.sync_watch import watch
from gallery.commands.terminal import print_json
from gallery.commands.trust_weights import trust_weights_option

if TYPE_CHECKING:
    from gallery.client import SyncPlan

_EPILOG = """
\b
Examples:
  gallery sync people/                one sub-folder of photos per person
  gallery sync people/ --dry-run      what would be done
  gallery sync people/ --yes          without a question, as for a timer
  gallery sync people/ --watch --yes  again and again, until it is ended
"""


@click.command("sync", epilog=_EPILOG)
@click.argument("folder", type=NamedPath(path_type=Path))
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@click.option(
    "--watch",
    "watching",
    is_flag=True,
    help="Stay, and follow each change until told to end (Ctrl-C, SIGTERM). References are erased "
    "only with --yes, as there is nobody to ask.",
)
@faces_option(
    "Which face of a photo is enrolled. A photo of several fails with one.", ("one", "largest")
)
@yes_option
@click.option(
    "--remove-all",
    is_flag=True,
    help="Erase the references that came from the folder even if none of its photos is left. "
    "Otherwise that is refused: its disk may not be mounted.",
)
@json_option("Print a JSON object; with --watch one each time that something was done.")
@csv_option("photo that --dry-run would change something of")
@jobs_option
@trust_weights_option
@common_options
def command(
    settings: Settings,
    folder: Path,
    dry_run: bool,
    watching: bool,
    faces: Literal["one", "largest"],
    yes: bool,
    remove_all: bool,
    as_json: bool,
    as_csv: bool,
) -> int:
    """Enroll the new photos of a folder, and erase the references of photos that are gone.

    The folder has one sub-folder of photos per person, as gallery enroll reads it. A photo that
    changed replaces what it was before. One that was moved, or whose person's folder was renamed,
    gets its new label and is not embedded again. References of photos that are gone are erased,
    after a question, if they came from this folder; those that were enrolled in another way stay. A
    photo that cannot be read, or is not complete yet, takes nothing away.

    A photo is one reference. Attributes and an expiry are set by gallery annotate; a person keeps
    them as long as one photo is there.

    Hidden files, litter of systems and NAS boxes, and files that a .galleryignore names, in the
    syntax of .gitignore, are passed over. After an interruption the same command goes on.

    A ledger of the references that came from the folder is kept beside the file with the newest
    states (--state-file), sealed with the key. If it is lost, photos that are still there are known
    by their content, and references whose photos are gone stay.
    """
    if watching and (dry_run or remove_all):
        raise click.UsageError("--watch goes with neither --dry-run nor --remove-all")
    if as_csv and not dry_run:
        raise click.UsageError("--csv is for the plan of --dry-run; reports are printed by --json")
    form = chosen_format(as_json, as_csv)
    with settings.open_client() as client:
        sync = client.folder_sync(folder, settings.ledgers, faces=faces)
        if watching:
            return watch(settings, client, sync, remove=yes, as_json=as_json)
        with settings.progress("looking at photos", None) as advance:
            plan = sync.plan(progress=advance)
        tell_of_plan(settings, plan)
        if dry_run:
            if form is TableFormat.JSON:
                print_json(plan_record(plan))
            elif form is TableFormat.CSV:
                print_records(form, PLAN_COLUMNS, plan_rows(plan))
            else:
                show_plan(settings, plan)
            return EXIT_PARTIAL if plan.failures or plan.unsettled else 0
        if not remove_all:
            plan.check_rest()
        if plan.removals and not yes:
            confirm(_question(settings, plan))
        with (
            swept_thumbnails(settings.key, client),
            settings.progress("enrolling photos", len(plan.additions)) as advance,
        ):
            done = sync.apply(plan, remove_all=remove_all, progress=advance)
        tell_report(settings, client, plan, done)
        settings.notice(what_was_done(done, plan.unchanged))
        if as_json:
            print_json(report_record(client, plan, done))
    return EXIT_PARTIAL if done.failures or plan.unsettled else 0


def _question(settings: Settings, plan: SyncPlan) -> str:
    gone = [item.reference for item in plan.removals]
    return (
        f"Erase {counted(len(gone), 'reference')} from gallery {settings.gallery!r} for good, "
        f"whose photos are gone from {plan.folder}: {whom(gone)}?"
    )
