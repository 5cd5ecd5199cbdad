"""Goals for measured figures, and their outcomes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from benchmarks.shared.timing import Spread


@dataclass(frozen=True)
class Goal:
    """A bound for a measured figure."""

    what: str
    bound: float
    side: Literal["at least", "at most"]
    unit: str = "times"


@dataclass(frozen=True)
class GoalOutcome:
    """Whether a goal is met, by the median and in every single repeat."""

    goal: Goal
    found: Spread

    @property
    def met(self) -> bool:
        return self._holds(self.found.median)

    @property
    def met_in_every_repeat(self) -> bool:
        worst = self.found.least if self.goal.side == "at least" else self.found.most
        return self._holds(worst)

    def __str__(self) -> str:
        found, goal = self.found, self.goal
        spread = f"{_figures(found.median)} ({_figures(found.least)} to {_figures(found.most)})"
        if self.met:
            outcome = "met in every repeat" if self.met_in_every_repeat else "met by the median"
        else:
            outcome = "MISSED"
        return f"{goal.what}: {spread}; {goal.side} {goal.bound:g} {goal.unit}: {outcome}"

    def as_dict(self) -> dict[str, object]:
        """Return the outcome for a report in JSON."""
        return {
            "what": self.goal.what,
            "goal": f"{self.goal.side} {self.goal.bound:g} {self.goal.unit}",
            "median": self.found.median,
            "least": self.found.least,
            "most": self.found.most,
            "met": self.met,
            "met_in_every_repeat": self.met_in_every_repeat,
        }

    def _holds(self, value: float) -> bool:
        if self.goal.side == "at least":
            return value >= self.goal.bound
        return value <= self.goal.bound


def _figures(value: float) -> str:
    """Return a number with three figures, none of them in an exponent."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
