"""Logs of processes that serve: lines of JSON, with words of libraries or without."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

PROGRAM = """
import logging, sys
import structlog
from gallery.web.logs import configure_logging

configure_logging(quoting=sys.argv[1] == "quoting")
structlog.get_logger("gallery.desk").info("request", status=200)
try:
    raise ValueError("the label of Ada")
except ValueError:
    logging.getLogger("asyncio").exception("a task of %s broke", "Ada")
"""


@pytest.mark.parametrize("quoting", [True, False])
def test_words_of_libraries_are_written_where_they_may_hold_no_secret(quoting: bool) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, "quoting" if quoting else "not"],
        capture_output=True,
        text=True,
        check=True,
    )

    own, foreign = map(json.loads, done.stderr.splitlines())
    assert (own["event"], own["status"], own["level"]) == ("request", 200, "info")
    assert (foreign["logger"], foreign["level"]) == ("asyncio", "error")
    assert ("Ada" in done.stderr) == quoting
    if not quoting:
        assert (foreign["error"], foreign["at"]) == ("ValueError", ["<string>:9"])
