"""Asking a policy once for each combination of facts that occurs, instead of once for each case."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.chassis.policy import Decision, Policy, decide

Value = str | int | bool


@dataclass(frozen=True, slots=True, eq=False)
class Fact:
    """One fact of many cases: a place in `values` for each. A value of None stands for a fact that nobody knows."""

    places: NDArray[np.int64]
    values: Sequence[Value | None]


@dataclass(frozen=True, slots=True, eq=False)
class Decided:
    """The decisions that occur, and which of them each case has."""

    decisions: Sequence[Decision]
    which: NDArray[np.int64]


def decide_all(policy: Policy, facts: Mapping[str, Fact], count: int) -> Decided:
    """What a policy answers in `count` cases; facts that it does not read cost nothing.

    Raises:
        InteropError: as `decide` does.
    """
    read = {name: facts[name] for name in policy.reads if name in facts}
    cells = np.zeros(count, np.int64)
    for fact in read.values():
        cells = cells * len(fact.values) + fact.places
    _, first, which = np.unique(cells, return_index=True, return_inverse=True)
    decisions = [decide(policy, _case(read, int(case))) for case in first]
    return Decided(decisions, which)


def _case(facts: Mapping[str, Fact], case: int) -> dict[str, Value]:
    given = {name: fact.values[int(fact.places[case])] for name, fact in facts.items()}
    return {name: value for name, value in given.items() if value is not None}
