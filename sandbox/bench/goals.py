"""What the figures of a benchmark should be."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Goal:
    """What a figure should be."""

    kind: Literal["at_least", "at_most"]
    bound: float

    def as_json(self, figure: float | None) -> dict[str, Any]:
        """The goal, and whether it is met; None where there is no figure."""
        if figure is None:
            return {self.kind: self.bound, "met": None}
        met = figure >= self.bound if self.kind == "at_least" else figure <= self.bound
        return {self.kind: self.bound, "met": met}


def goal_line(figure: float | None, what: str, goal: Mapping[str, Any]) -> str:
    """A figure and its goal, as a line for people, in the words of `what`."""
    bound = f"at least {goal['at_least']}" if "at_least" in goal else f"at most {goal['at_most']}"
    verdict = {True: "met", False: "[red]not met[/red]", None: "not measured"}[goal["met"]]
    return f"{verdict}: {'-' if figure is None else figure} {what} (goal: {bound})"
