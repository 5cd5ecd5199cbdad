"""A command that is killed at any instant leaves what was there before or what it wrote, whole.

The process gets SIGKILL, so nothing of Python runs any more: no `finally`, no rollback, no closing.
The instants are every SQL statement, every commit and every change to a file; between them, the
process is killed in the middle of writing a file. (A power cut may lose more than a kill does: what
the system has not written to the disk yet. That is what `synchronous = FULL` is for.)

A run takes a fair sample of the kills. `GALLERY_LONG=1 pytest tests/crashes` takes them all.
"""

from __future__ import annotations

import shutil
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest

from tests.crashes.conftest import Count
from tests.crashes.processes import Instant, Life, run_commands
from tests.crashes.scenarios import SCENARIOS, DamageError, Scenario, State
from tests.crashes.victim import WRITE_COMMITTED

KILLED = {-signal.SIGKILL, -signal.SIGXFSZ}
KILLS_OF_A_SAMPLE = 3
TORN_WRITES = 6
"""Places at which a file is cut while it grows from one instant to the next."""


@dataclass(frozen=True)
class Kill:
    """Where a command is killed: at an instant, or after it when a file reaches a size."""

    number: int
    what: str
    file_limit: int | None = None

    def __str__(self) -> str:
        torn = "" if self.file_limit is None else f", writing beyond byte {self.file_limit}"
        return f"killed at {self.number} ({self.what}{torn})"


def possible_kills(instants: Sequence[Instant]) -> list[Kill]:
    """Return every kill of a run, in the order in which they happen."""
    kills = []
    for number, (now, following) in enumerate(pairwise([*instants, instants[-1]]), start=1):
        kills.append(Kill(number, now.what))
        if now.what.startswith(("before os.link", "before os.rename")):
            continue  # a name is given to what has been written before
        for name, size in following.sizes.items():
            before = now.sizes.get(name, 0)
            for part in range(TORN_WRITES):
                limit = before + (size - before) * part // TORN_WRITES
                if size > before and not name.endswith("-shm"):
                    kills.append(Kill(number, f"{now.what}, {name}", limit))
    return kills


def sample(kills: list[Kill]) -> list[Kill]:
    """Return some kills: the ends of a write, and others evenly spread."""
    torn = [kill for kill in kills if kill.file_limit is not None]
    commits = [kill for kill in kills if kill.what == WRITE_COMMITTED]
    spread = kills[:: max(1, len(kills) // (KILLS_OF_A_SAMPLE - 1))]
    chosen = {*torn[-1:], *commits[-1:], *spread[1 : KILLS_OF_A_SAMPLE - 1]}
    return sorted(chosen, key=kills.index)


@pytest.fixture(params=SCENARIOS, ids=lambda scenario: scenario.name.replace(" ", "-"))
def scenario(request: pytest.FixtureRequest) -> Scenario:
    found: Scenario = request.param
    return found


def test_a_killed_command_leaves_a_whole_state_and_can_be_run_again(
    scenario: Scenario, tmp_path: Path, count: Count, long: bool
) -> None:
    pristine = tmp_path / "pristine"
    pristine.mkdir()
    scenario.prepare(scenario.workshop(pristine))
    assert scenario.inspect(scenario.workshop(copy(pristine, "before"))) == scenario.states[0]
    whole = perform(scenario, copy(pristine, "whole"))
    assert [done.code for done in whole.done] == [0], whole.done
    assert scenario.inspect(scenario.workshop(tmp_path / "whole")) == scenario.states[-1]

    if scenario.commits:
        assert commits(whole) == len(scenario.states) - 1, "there is a state for each write"

    kills = possible_kills(whole.instants)
    troubles = []
    for kill in kills if long else sample(kills):
        troubles += trouble_after(scenario, kill, copy(pristine, "killed"), count)

    assert not troubles, "\n".join(troubles)


def trouble_after(scenario: Scenario, kill: Kill, folder: Path, count: Count) -> list[str]:
    """Kill the command, look at what is left, and finish it; return what is wrong."""
    shop = scenario.workshop(folder)
    life = perform(scenario, folder, kill)
    assert life.exit_code in KILLED, f"{kill}: the process lived on: {life.done}"
    assert len(life.instants) == kill.number, f"{kill}: other instants than in the whole run"
    count.kills += 1
    allowed = states_allowed(scenario, life, kill)
    try:
        left = scenario.inspect(shop)
    except DamageError as damage:
        count.damaged += 1
        return [f"{kill}: {damage}"]
    if left not in allowed:
        count.lost += max(0, len(allowed[0] or ()) - len(left or ()))
        return [f"{kill}: left {brief(left)} instead of one of {[*map(brief, allowed)]}"]
    (again,) = shop.run(scenario.words(folder))
    if again.code not in (0, scenario.done_already if left == scenario.states[-1] else 0):
        return [f"{kill}: run again, it ends with {again.code}: {again.err}"]
    try:
        finished = scenario.inspect(shop)
    except DamageError as damage:
        count.damaged += 1
        return [f"{kill}, then run again: {damage}"]
    if finished != scenario.states[-1]:
        return [f"{kill}, then run again: {brief(finished)}"]
    return []


def states_allowed(scenario: Scenario, life: Life, kill: Kill) -> tuple[State, ...]:
    """Return the state after the writes that were committed; within a commit, the next one too."""
    if not scenario.commits:
        return scenario.states
    committed, within = commits(life), kill.file_limit is not None
    return scenario.states[committed : committed + 1 + within]


def commits(life: Life) -> int:
    """Return how many writes a process committed."""
    return sum(instant.what == WRITE_COMMITTED for instant in life.instants)


def perform(scenario: Scenario, folder: Path, kill: Kill | None = None) -> Life:
    variables = scenario.workshop(folder).variables
    if kill is None:
        return run_commands(folder, [scenario.words(folder)], variables, watched=True)
    return run_commands(
        folder,
        [scenario.words(folder)],
        variables,
        watched=True,
        stop_at=kill.number,
        file_limit=kill.file_limit,
    )


def copy(pristine: Path, name: str) -> Path:
    """Return a fresh copy of a folder, beside it."""
    target = pristine.parent / name
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(pristine, target)
    return target


def brief(state: State) -> str:
    if state is None or len(state) < 20:
        return str(state)
    return f"({len(state)} labels, the last is {state[-1]})"
