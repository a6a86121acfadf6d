"""Who fares differently under another policy, and why: the boxes of facts whose cases change, and the clauses.

A box is a set of values for each of some facts, as in "charge: felony; held to answer: no". Both policies say the same
of all of its cases, each on the same clauses; which of them change is up to what the agencies make of it, and to ICE.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sandbox.lab.agency import RELEASABLE, Cooperation
from sandbox.lab.cells import Classes, Fact, Value, asked_by, distinct, told_apart
from sandbox.lab.custody import Custody
from sandbox.lab.docket import Docket
from sandbox.lab.tables import reason
from services.chassis import policy
from services.chassis.policy.vocabulary import MOST_LISTED, spell

Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]

MOST_BOXES = 12
"""Boxes that are told of one change; the rest is only counted."""

NO_BOXES: Mapping[str, Any] = {"boxes": [], "boxes_left_out": 0, "changed_in_boxes_left_out": 0}

KINDS = {
    "held": ("held", "not held"),
    "notified": ("ICE told", "ICE not told"),
    "transferred": ("handed over", "not handed over"),
}
"""What is looked at, and in which words it is so or not."""

DECIDING = {
    "held": ("hold", "transfer", "notify"),
    "notified": ("notify", "hold"),
    "transferred": ("transfer", "hold", "notify"),
}
"""The levers that a change can come from. The first of them that is used differently is told."""

Box = tuple[frozenset[int], ...]
Pair = dict[str, str]
"""A lever, and the reasons for what is done with it under each of two policies."""


@dataclass(frozen=True, slots=True, eq=False)
class Applied:
    """A policy as it was applied to a docket."""

    policy: policy.Policy
    cooperation: Cooperation
    custody: Custody

    def happened(self, kind: str) -> Flags:
        """To whom something happened."""
        found: Mapping[str, Flags] = {
            "held": self.custody.held,
            "notified": self.custody.told,
            "transferred": self.custody.transferred,
        }
        return found[kind]


@dataclass(frozen=True, slots=True, eq=False)
class _Cells:
    """The combinations of facts that two policies tell apart, `[cell, fact]`, and which of them each case has."""

    vocabulary: policy.Vocabulary
    facts: Mapping[str, Classes]
    combinations: Integers
    of_case: Integers


@dataclass(frozen=True, slots=True, eq=False)
class _Reasons:
    """Why each case has what it has of one lever, under both policies."""

    pair: Integers
    """The pair of reasons where the lever is used differently, counted from 1; 0 where it is not."""

    named: Sequence[Pair]
    law: Integers
    """The pair of what the two policies say, whatever the agency makes of it."""


def changes(docket: Docket, first: Applied, other: Applied) -> list[dict[str, Any]]:
    """What becomes different for whom, the largest first, in the form that `--json` prints."""
    cells = {lever: _cells(docket, [first.policy, other.policy], lever) for lever in DECIDING["transferred"]}
    reasons = {lever: _reasons(docket, first, other, lever) for lever in DECIDING["transferred"]}
    found: list[dict[str, Any]] = []
    for kind, (yes, no) in KINDS.items():
        before, after = first.happened(kind), other.happened(kind)
        for changed, words in ((before & ~after, (yes, no)), (after & ~before, (no, yes))):
            change = {"kind": kind, "from": words[0], "to": words[1]}
            rest = changed
            for lever in DECIDING[kind]:
                of_lever = reasons[lever]
                for pair in np.unique(of_lever.pair[rest & (of_lever.pair > 0)]).tolist():
                    cases = np.flatnonzero(rest & (of_lever.pair == pair))
                    boxes = _boxes(cells[lever], cases, of_lever.law == of_lever.law[cases[0]])
                    found.append({**change, "cases": len(cases), "why": of_lever.named[pair - 1], **boxes})
                rest = rest & (of_lever.pair == 0)
            if rest.any():
                found.append({**change, "cases": int(rest.sum()), "why": None, **NO_BOXES})
    return sorted(found, key=lambda change: -change["cases"])


def _cells(docket: Docket, policies: Sequence[policy.Policy], lever: str) -> _Cells:
    """The cells of the facts that decide a lever, as they are at the release.

    The stage before it, which governs notice, has the same facts: nothing happens in between.
    """
    asked = docket.asked
    at_release = asked.stage == RELEASABLE
    read = dict.fromkeys(test.fact for each in policies for test in asked_by(each, lever))
    names = [name for name in read if name in asked.facts]
    facts: dict[str, Fact] = {
        name: Fact(asked.facts[name].places[at_release], asked.facts[name].values) for name in names
    }
    classes = {name: told_apart(policies, name, fact.values, lever) for name, fact in facts.items()}
    columns = [(classes[name].of_value[fact.places], len(classes[name].members)) for name, fact in facts.items()]
    combinations, of_case = distinct(columns, len(docket.cases))
    return _Cells(policies[0].vocabulary, classes, combinations, of_case)


def _reasons(docket: Docket, first: Applied, other: Applied, lever: str) -> _Reasons:
    columns = np.arange(len(docket.cases))
    stage = docket.ahead.last_before_release if lever == "notify" else np.full(len(columns), RELEASABLE)
    told: list[list[str]] = []
    reasons: list[tuple[Integers, int]] = []
    laws: list[tuple[Integers, int]] = []
    done: list[Flags] = []
    for applied in (first, other):
        used = applied.cooperation.exercised[lever][stage, columns]
        which = applied.cooperation.answers.which[stage, columns]
        decisions = applied.cooperation.answers.decided.decisions
        by_place = [reason(decision, lever, done=each) for decision in decisions for each in (False, True)]
        words = list(dict.fromkeys(by_place))
        places = np.array([words.index(each) for each in by_place], np.int64)
        reasons.append((places[2 * which + used], len(words)))
        laws.append((places[2 * which], len(words)))
        done.append(used)
        told.append(words)
    pairs, pair_of_case = distinct(reasons, len(columns))
    named = [{"lever": lever, "before": told[0][before], "after": told[1][after]} for before, after in pairs.tolist()]
    return _Reasons(np.where(done[0] != done[1], pair_of_case + 1, 0), named, distinct(laws, len(columns))[1])


def _boxes(cells: _Cells, cases: Integers, alike: Flags) -> dict[str, Any]:
    """The boxes of all cases of which the policies say the same, and how many in each of them changed."""
    changed = np.bincount(cells.of_case[cases], minlength=len(cells.combinations))
    everybody = np.bincount(cells.of_case[alike], minlength=len(cells.combinations))
    occurring = [frozenset(column.tolist()) for column in cells.combinations.T]
    boxes = _merged(
        {tuple(frozenset([place]) for place in cells.combinations[cell].tolist()) for cell in np.flatnonzero(everybody)}
    )
    told: list[dict[str, Any]] = []
    for box in boxes:
        inside = np.ones(len(cells.combinations), np.bool_)
        for column, allowed in zip(cells.combinations.T, box, strict=True):
            inside &= np.isin(column, list(allowed))
        facts = {
            name: _in_words(cells.vocabulary.facts[name], _values(classes, allowed))
            for (name, classes), allowed, all_of_it in zip(cells.facts.items(), box, occurring, strict=True)
            if allowed != all_of_it
        }
        told.append({"facts": facts, "changed": int(changed[inside].sum()), "cases": int(everybody[inside].sum())})
    told.sort(key=lambda box: (-box["changed"], -box["cases"], str(box["facts"])))
    rest = told[MOST_BOXES:]
    return {
        "boxes": told[:MOST_BOXES],
        "boxes_left_out": len(rest),
        "changed_in_boxes_left_out": sum(box["changed"] for box in rest),
    }


def _merged(boxes: Iterable[Box]) -> list[Box]:
    """The same boxes as few: any that differ in one fact only become one, for as long as there are such."""
    found = set(boxes)
    while True:
        before = len(found)
        for place in range(len(next(iter(found), ()))):
            alike: dict[tuple[Box, Box], frozenset[int]] = {}
            for box in sorted(found, key=lambda each: [sorted(values) for values in each]):
                rest = (box[:place], box[place + 1 :])
                alike[rest] = alike.get(rest, frozenset()) | box[place]
            found = {(*head, values, *tail) for (head, tail), values in alike.items()}
        if len(found) == before:
            return list(found)


def _in_words(fact: policy.Fact, values: Iterable[Value | None]) -> str:
    """Values as people write them: numbers as spans, and what nobody knows as what is then assumed."""
    known = dict.fromkeys(fact.when_missing if value is None else value for value in values)
    numbers = sorted(value for value in known if fact.kind is policy.Kind.NUMBER and isinstance(value, int))
    words = [spell(value) for value in known if value not in numbers]
    if len(words) > MOST_LISTED:
        words = [*words[:MOST_LISTED], f"{len(words) - MOST_LISTED} more"]
    return " or ".join([*_spans(numbers), *words])


def _values(classes: Classes, chosen: Iterable[int]) -> list[Value | None]:
    return [value for place in sorted(chosen) for value in classes.members[place]]


def _spans(numbers: Sequence[int]) -> list[str]:
    breaks = [place for place, (one, next_one) in enumerate(pairwise(numbers), start=1) if next_one != one + 1]
    ends = [0, *breaks, len(numbers)] if numbers else []
    return [
        str(numbers[start]) if stop - start == 1 else f"{numbers[start]} to {numbers[stop - 1]}"
        for start, stop in pairwise(ends)
    ]
