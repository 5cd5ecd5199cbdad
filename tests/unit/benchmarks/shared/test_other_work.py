"""Other programs' work: never this one's own, nor that of its children."""

from __future__ import annotations

import subprocess
import sys
import time

from benchmarks.shared.other_work import OtherWork, own_seconds

SPIN = "import time\nend = time.process_time() + 0.5\nwhile time.process_time() < end: pass"


def test_the_share_is_one_of_all_cores() -> None:
    others = OtherWork()
    time.sleep(0.2)

    assert 0.0 <= others.share() <= 1.0


def test_work_of_a_child_that_has_ended_is_our_own() -> None:
    before = own_seconds()
    subprocess.run([sys.executable, "-c", SPIN], check=True)

    assert own_seconds() - before >= 0.3  # it is counted in ticks
