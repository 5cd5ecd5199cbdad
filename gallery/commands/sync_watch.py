"""The log of `gallery sync --watch`, which runs for months: a line where something was done."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from gallery.commands.desk import sweep_thumbnails
from gallery.commands.hints import told
from gallery.commands.settings import Settings
from gallery.commands.sync_reports import (
    report_record,
    tell_failures,
    what_was_done,
)
from gallery.commands.terminal import print_json
from gallery.dates import iso
from gallery.errors import GalleryError

if TYPE_CHECKING:
    from pathlib import Path

    from gallery.client import FolderSync, GalleryClient, SyncPlan, SyncReport


def watch(
    settings: Settings, client: GalleryClient, sync: FolderSync, *, remove: bool, as_json: bool
) -> int:
    """Follow a folder until the process is told to end; return the exit code."""
    from gallery.client import watch_folder

    log = _Log(settings, client, as_json)
    settings.notice(
        f"following {sync.folder}"
        + ("" if remove else "; references whose photos are gone are not erased without --yes")
    )
    try:
        watch_folder(sync, remove=remove, report=log.done, trouble=log.trouble)
    except KeyboardInterrupt:
        settings.notice("ended; what was finished before is kept")
    return 0


class _Log:
    """Says what is new, once."""

    def __init__(self, settings: Settings, client: GalleryClient, as_json: bool) -> None:
        self._settings, self._client, self._as_json = settings, client, as_json
        self._trouble = ""
        self._told: frozenset[tuple[Path | str, str]] = frozenset()
        self._kept: frozenset[str] = frozenset()

    def done(self, plan: SyncPlan, report: SyncReport) -> None:
        """Report the changes, if there were any."""
        if self._trouble:
            self._trouble = ""
            self._say("it goes on")
        if plan.ledger_damaged:
            self._say(f"warning: the ledger of {plan.folder} is damaged, and is made anew")
        failures = frozenset((item.path, item.reason) for item in report.failures)
        new = [item for item in report.failures if (item.path, item.reason) not in self._told]
        tell_failures(self._settings, new, f"{_now()} left as it is")
        kept = frozenset(item.reference.reference_id for item in report.kept)
        if kept - self._kept:
            self._say(
                f"references that are not erased, though their photos are gone: {len(kept):,}"
            )
        self._told, self._kept = failures, kept
        if report.replaced or report.removed:
            try:
                sweep_thumbnails(self._settings.key, self._client)
            except GalleryError as error:  # what was done is done, and is told
                self._say(f"warning: thumbnails are not erased: {told(error)}")
        if not report.is_empty:
            self._say(what_was_done(report, plan.unchanged))
            if self._as_json:
                print_json(report_record(self._client, plan, report))

    def trouble(self, error: GalleryError | OSError) -> None:
        """Report an error, unless it is the same as the last one."""
        if isinstance(error, GalleryError):
            text = told(error)
        else:
            text = f"{error.strerror or 'the system refuses something'}"
        if text != self._trouble:
            self._trouble = text
            self._say(f"error: {text}; it is tried again until it works")

    def _say(self, text: str) -> None:
        self._settings.notice(f"{_now()} {text}")


def _now() -> str:
    return iso(int(time.time()))
