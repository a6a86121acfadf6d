"""Asking a policy once for each combination of facts that it tells apart, instead of once for each case.

A clause only asks whether a value is among some others. So values that pass the same tests are one and the same to a
policy: five years and six, where it asks for "at most 10". What is left are few combinations, whatever the number of
cases, and each of them is put to the services' own `decide`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sandbox.scenario import ChargeShare
from services.chassis.policy import Decision, Policy, Vocabulary, decide
from services.chassis.policy.conditions import Test
from services.chassis.policy.other import with_other

Value = str | int | bool
Integers = NDArray[np.int64]
Codes = NDArray[np.integer[Any]]

_LARGEST_TABLE = 1 << 16
"""Before a table would have more combinations, those that occur are numbered anew: it never outgrows the memory."""


@dataclass(frozen=True, slots=True, eq=False)
class Fact:
    """One fact of many cases: a place in `values` for each. A value of None stands for a fact that nobody knows."""

    places: Codes
    values: Sequence[Value | None]


def offences(charges: Sequence[ChargeShare], vocabulary: Vocabulary) -> list[Value]:
    """The offence codes of a scenario's charges, as policies know them."""
    return [with_other({"charge_offence": charge.ncic}, vocabulary)["charge_offence"] for charge in charges]


@dataclass(frozen=True, slots=True, eq=False)
class Decided:
    """The decisions that occur, and which of them each case has. What a decision says of the facts holds for one."""

    decisions: Sequence[Decision]
    which: Integers


@dataclass(frozen=True, slots=True, eq=False)
class Classes:
    """The values of a fact that a policy tells apart: the class of each value, and the values of each class."""

    of_value: Integers
    members: Sequence[Sequence[Value | None]]


def decide_all(policy: Policy, facts: Mapping[str, Fact], count: int) -> Decided:
    """What a policy answers in `count` cases; facts that it does not read cost nothing.

    Raises:
        InteropError: as `decide` does.
    """
    read = {name: facts[name] for name in policy.reads if name in facts}
    classes = {name: told_apart([policy], name, fact.values) for name, fact in read.items()}
    columns = [(classes[name].of_value[fact.places], len(classes[name].members)) for name, fact in read.items()]
    combinations, which = distinct(columns, count)
    decisions = [
        decide(policy, _known(zip(read, classes.values(), combination, strict=True)))
        for combination in combinations.tolist()
    ]
    return Decided(decisions, which)


def told_apart(
    policies: Sequence[Policy], name: str, values: Sequence[Value | None], lever: str | None = None
) -> Classes:
    """The classes of a fact's values that no clause of these policies tells apart.

    Args:
        policies: the policies.
        name: the fact.
        values: its values.
        lever: leave out the clauses that say nothing on this lever.

    Raises:
        InteropError: for a value that the fact cannot have.
    """
    vocabulary = policies[0].vocabulary
    fact = vocabulary.fact(name)
    tests = [test for policy in policies for test in asked_by(policy, lever) if test.fact == name]
    classes: dict[tuple[bool, ...], int] = {}
    members: list[list[Value | None]] = []
    of_value: list[int] = []
    for value in values:
        known = fact.when_missing if value is None else value
        if not vocabulary.knows(name, known):
            known = fact.canonical(known)
        found = classes.setdefault(tuple(known in test.allowed for test in tests), len(classes))
        if found == len(members):
            members.append([])
        members[found].append(value)
        of_value.append(found)
    return Classes(np.array(of_value, np.int64), members)


def distinct(columns: Sequence[tuple[Codes, int]], count: int) -> tuple[Integers, Integers]:
    """The combinations that occur in columns of codes, and which of them each row has.

    Args:
        columns: codes below a number, and that number.
        count: how many rows there are, which no column could tell where there is none.

    Returns:
        The combinations in order, `[combination, column]`, and the place of each row's.
    """
    cells = np.zeros(count, np.int64)
    combinations = np.zeros((1, 0), np.int64)
    for codes, size in columns:
        if len(combinations) * size > _LARGEST_TABLE:
            combinations, cells = _occurring(combinations, cells)
        cells = cells * size + codes
        combinations = np.column_stack(
            [np.repeat(combinations, size, axis=0), np.tile(np.arange(size), len(combinations))]
        )
    return _occurring(combinations, cells)


def _occurring(combinations: Integers, cells: Integers) -> tuple[Integers, Integers]:
    occurs = np.zeros(len(combinations), np.bool_)
    occurs[cells] = True
    return combinations[occurs], (np.cumsum(occurs) - 1)[cells]


def asked_by(policy: Policy, lever: str | None = None) -> Iterator[Test]:
    """All tests of a policy's clauses, or of those that say something on a lever."""
    for clause in policy.clauses:
        if lever is None or lever in clause.then:
            for condition in (clause.when, clause.unless):
                for tests in condition.alternatives:
                    yield from tests


def _known(cell: Iterator[tuple[str, Classes, int]]) -> dict[str, Value]:
    """The facts of one combination, each with a value that stands for its class."""
    given = {name: classes.members[place][0] for name, classes, place in cell}
    return {name: value for name, value in given.items() if value is not None}
