"""Where two policies answer differently: every kind of case, merged into few boxes of facts.

A box is a set of values for each of some facts; whatever the other facts are, the two policies answer as it says. Boxes
may overlap, as the grounds of a statute do. Together they are exactly the cases in which the policies differ.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod

import numpy as np
from numpy.typing import NDArray

from sandbox.policies.words import in_words
from services.chassis.errors import InteropError
from services.chassis.policy import Clause, Fact, Policy, Value
from services.chassis.policy.conditions import Condition
from services.chassis.policy.table import Class, Table

MOST_CELLS = 5_000_000

Cells = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Box:
    """Cases in which one policy answers `before` and the other `after` on a lever."""

    lever: str
    before: str
    after: str
    when: dict[str, tuple[Value, ...]]
    words: str


def differences(first: Policy, second: Policy) -> list[Box]:
    """The boxes in which two policies on the same question answer differently, lever by lever.

    Raises:
        InteropError: `different-questions`; `too-large`, when there are too many kinds of case to compare.
    """
    if first.question.name != second.question.name:
        raise InteropError(
            "different-questions",
            f"{first.id} answers '{first.question.name}' and {second.id} '{second.question.name}';"
            " name two policies that answer the same question.",
        )
    return [box for lever in first.question.levers for box in _Comparison(lever, first, second).boxes()]


class _Comparison:
    """Two policies on one lever, over the facts that their clauses on it read."""

    def __init__(self, lever: str, first: Policy, second: Policy) -> None:
        self._lever = lever
        self._policies = (first, second)
        self._speaking = [[clause for clause in policy.clauses if lever in clause.then] for policy in self._policies]
        conditions = [
            condition for row in self._speaking for clause in row for condition in (clause.when, clause.unless)
        ]
        read = {test.fact: None for condition in conditions for tests in condition.alternatives for test in tests}
        facts = [first.vocabulary.facts[name] for name in read]
        self._facts: Sequence[Fact] = facts
        self._classes: Sequence[Sequence[Class]] = Table(conditions, facts).classes
        cells = prod(self._shape)
        if cells > MOST_CELLS:
            raise InteropError(
                "too-large",
                f"{first.id} and {second.id} tell {cells:,} kinds of case apart on '{lever}', more than the"
                f" {MOST_CELLS:,} that can be compared.",
            )

    @cached_property
    def _shape(self) -> tuple[int, ...]:
        return tuple(len(classes) for classes in self._classes)

    def boxes(self) -> Iterator[Box]:
        """All of them, by the two answers."""
        before, after = (self._answers(number) for number in (0, 1))
        words = self._policies[0].question.answers
        for old, was in enumerate(words):
            for new, becomes in enumerate(words):
                if old == new:
                    continue
                for chosen in _cover(np.array((before == old) & (after == new))):
                    yield self._box(was, becomes, chosen)

    def _answers(self, number: int) -> NDArray[np.int8]:
        """The answer of a policy in every cell, as a place in the question's list of answers."""
        policy = self._policies[number]
        words = policy.question.answers
        otherwise = policy.otherwise.then.get(self._lever) if policy.otherwise is not None else None
        silence = otherwise or policy.question.unanswered or words[0]
        answers = np.full(self._shape, words.index(silence), np.int8)
        speaking = self._speaking[number]
        applying = {clause.id: self._applies(clause) for clause in speaking}
        for clause in speaking:
            stands = applying[clause.id]
            for other in speaking:
                if clause.id in other.notwithstanding:
                    stands = stands & ~applying[other.id]
            answers[np.broadcast_to(stands, self._shape)] = words.index(clause.then[self._lever])
        return answers

    def _applies(self, clause: Clause) -> Cells:
        return self._holds(clause.when) & ~self._holds(clause.unless)

    def _holds(self, condition: Condition) -> Cells:
        one = (1,) * len(self._facts)
        held: Cells = np.zeros(one, np.bool_)
        places = {fact.name: place for place, fact in enumerate(self._facts)}
        for tests in condition.alternatives:
            passed: Cells = np.ones(one, np.bool_)
            for test in tests:
                place = places[test.fact]
                column = [found.values[0] in test.allowed for found in self._classes[place]]
                along = (*one[:place], len(column), *one[place + 1 :])
                passed = passed & np.array(column, np.bool_).reshape(along)
            held = held | passed
        return held

    def _box(self, was: str, becomes: str, chosen: Sequence[Sequence[int]]) -> Box:
        when = {
            fact.name: tuple(value for place in places for value in classes[place].values)
            for fact, classes, places in zip(self._facts, self._classes, chosen, strict=True)
            if len(places) < len(classes)
        }
        facts = {fact.name: fact for fact in self._facts}
        words = ", ".join(in_words(facts[name], values) for name, values in when.items())
        return Box(self._lever, was, becomes, when, words or "always")


def _cover(region: Cells) -> list[list[list[int]]]:
    """Few boxes that together are exactly a region; each is as large as it can be."""
    open_cells = np.array(region)
    boxes: list[list[list[int]]] = []
    while open_cells.any():
        start = np.unravel_index(int(np.argmax(open_cells)), region.shape)
        box = _grow(region, [[int(place)] for place in start])
        open_cells[np.ix_(*box)] = False
        boxes.append(box)
    times = np.zeros(region.shape, np.int32)
    for box in boxes:
        times[np.ix_(*box)] += 1
    needed = []
    for box in sorted(boxes, key=lambda box: prod(map(len, box))):
        cells = np.ix_(*box)
        if (times[cells] > 1).all():
            times[cells] -= 1
        else:
            needed.append(box)
    return sorted(needed, key=lambda box: -prod(map(len, box)))


def _grow(region: Cells, box: list[list[int]]) -> list[list[int]]:
    for whole in (True, False):
        for axis, size in enumerate(region.shape):
            others = [place for place in range(size) if place not in box[axis]]
            for more in [others] if whole else [[place] for place in others]:
                wider = [*box[:axis], sorted({*box[axis], *more}), *box[axis + 1 :]]
                if more and region[np.ix_(*wider)].all():
                    box = wider
    return box
