"""What the page shows of a case: every law's answers in rows, their sums, and one answer with all its reasons."""

import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from console.matrix.addresses import ADDRESSES, Address
from console.matrix.case import Facts, TheCase
from console.matrix.words import (
    ANSWERS,
    CLOCKS,
    KINDS,
    LEVERS,
    STAGES,
    Lever,
    kind_of,
    label_of,
    place_words,
    value_words,
    years_of,
)
from sandbox.policies.words import LEVER_WORDS, VERIFIED
from sandbox.tags import is_unverified
from services.chassis.errors import InteropError
from services.chassis.policy import Clause, Decision, Policy, Vocabulary, decide

BY_KIND, BY_YEAR = "kind", "year"
SORTS: Mapping[str, str] = {
    BY_KIND: "kind and place",
    BY_YEAR: "year, the oldest first",
    **{lever.name: f"answer: {LEVER_WORDS[lever.name]}" for lever in LEVERS},
}
"""Orders of the rows."""

HOLD = "hold"
CUSTODIAN = "custodian"


@dataclass(frozen=True, slots=True)
class Cell:
    """One law's answer on one lever, with the clauses behind it in one line."""

    lever: str
    answer: str
    why: str


@dataclass(frozen=True, slots=True)
class Row:
    """One law, with what rows are sorted and found by."""

    id: str
    title: str
    place: str
    years: str
    since: str
    kind: str
    verified: str
    binds: tuple[str, ...]
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Quote:
    """A clause as the page quotes it. `by` is the clause to which it gave way, if it did."""

    id: str
    text: str
    source: str
    note: str
    tags: str
    is_unverified: bool
    by: str | None


@dataclass(frozen=True, slots=True)
class Read:
    """A fact that the law reads: its label, its value, and whether nobody gave it."""

    label: str
    value: str
    assumed: bool


@dataclass(frozen=True, slots=True)
class Detail:
    """One answer of one law with all that is behind it, and the law's answers over the stages."""

    policy: Policy
    lever: Lever
    answer: str
    binds_now: bool
    place: str
    kind: str
    years: str
    binds: tuple[str, ...]
    is_bound: bool
    verified: str
    clauses: tuple[Quote, ...]
    set_aside: tuple[Quote, ...]
    read: tuple[Read, ...]
    hours: str
    address: Address | None
    command: str
    stages: tuple[tuple[tuple[str, int], ...], ...]
    """For each lever its answers in the order of the stages, each with how many stages it lasts."""


def rows_of(policies: Sequence[Policy], facts: Facts, sort: str) -> list[Row]:
    """A row for each law, in the order asked for.

    Raises:
        InteropError: `unknown-order`.
    """
    if sort not in SORTS:
        raise InteropError("unknown-order", f"'{sort}' is no order of the rows; orders: {', '.join(SORTS)}", status=422)
    rows = [_row(policy, decide(policy, facts)) for policy in policies]
    return sorted(rows, key=lambda row: _rank(row, sort))


def grouped(rows: Sequence[Row], sort: str) -> list[tuple[str | None, list[Row]]]:
    """The rows with the headings that stand above them: one a kind of law, or none."""
    if sort != BY_KIND:
        return [(None, list(rows))]
    return [(KINDS[kind], list(found)) for kind, found in groupby(rows, key=lambda row: row.kind)]


def sums_of(rows: Sequence[Row]) -> dict[str, dict[str, int]]:
    """How many laws give each answer, by lever."""
    sums = {lever.name: dict.fromkeys(ANSWERS, 0) for lever in LEVERS}
    for row in rows:
        for cell in row.cells:
            sums[cell.lever][cell.answer] += 1
    return sums


def detail_of(policy: Policy, lever: Lever, case: TheCase) -> Detail:
    """One answer with all that is behind it."""
    decision = decide(policy, case.facts)
    clauses = {clause.id: clause for clause in (*policy.clauses, *([policy.otherwise] if policy.otherwise else []))}
    facts = policy.vocabulary.facts
    return Detail(
        policy=policy,
        lever=lever,
        answer=decision.answers[lever.name],
        binds_now=case.stage in lever.stages,
        place=place_words(policy.place),
        kind=KINDS[kind_of(policy)],
        years=years_of(policy),
        binds=tuple(value_words(facts[CUSTODIAN], holder) for holder in policy.binds),
        is_bound=not policy.binds or custodian_of(case.facts, policy.vocabulary) in policy.binds,
        verified=VERIFIED[policy.verified],
        clauses=tuple(_quote(clauses[each.clause]) for each in decision.because if lever.name in each.levers),
        set_aside=tuple(
            _quote(clauses[each.clause], each.by) for each in decision.set_aside if lever.name in each.levers
        ),
        read=tuple(
            Read(label_of(name), value_words(facts[name], value), name in decision.assumed)
            for name, value in decision.facts_read.items()
        ),
        hours=_hours(policy) if lever.name == HOLD and decision.answers[HOLD] in ("must", "may") else "",
        address=ADDRESSES.get(policy.id),
        command=command_of(policy, case.facts),
        stages=_over_the_stages(policy, case),
    )


def custodian_of(facts: Facts, vocabulary: Vocabulary) -> str:
    """Who holds the person, and so who is bound."""
    return str(facts.get(CUSTODIAN, vocabulary.facts[CUSTODIAN].when_missing))


def command_of(policy: Policy, facts: Facts) -> str:
    """The command that gives one law's answers again."""
    return f"interop decide --policy {policy.id} --facts {shlex.quote(json.dumps(dict(facts)))}"


def matrix_command(facts: Facts) -> str:
    """The command that gives the whole matrix again."""
    return f"interop policies matrix --facts {shlex.quote(json.dumps(dict(facts)))}"


def lever_named(name: str) -> Lever:
    """The lever of that name.

    Raises:
        InteropError: `unknown-lever`.
    """
    for lever in LEVERS:
        if lever.name == name:
            return lever
    known = ", ".join(lever.name for lever in LEVERS)
    raise InteropError("unknown-lever", f"'{name}' is no lever; levers: {known}", status=404)


def _row(policy: Policy, decision: Decision) -> Row:
    return Row(
        id=policy.id,
        title=policy.title,
        place=place_words(policy.place),
        years=years_of(policy),
        since=policy.since.isoformat(),
        kind=kind_of(policy),
        verified=policy.verified,
        binds=policy.binds,
        cells=tuple(Cell(lever.name, decision.answers[lever.name], _why(decision, lever.name)) for lever in LEVERS),
    )


def _why(decision: Decision, lever: str) -> str:
    said = [f"{each.clause}: {each.text}" for each in decision.because if lever in each.levers]
    return "; ".join(said) or "Nothing in this law speaks about it."


def _rank(row: Row, sort: str) -> tuple[int, str, str, str]:
    if sort == BY_YEAR:
        return 0, row.since, row.place, row.id
    if sort == BY_KIND:
        return list(KINDS).index(row.kind), row.place, row.since, row.id
    answer = next(cell.answer for cell in row.cells if cell.lever == sort)
    return list(ANSWERS).index(answer), row.place, row.since, row.id


def _quote(clause: Clause, by: str | None = None) -> Quote:
    tags = ", ".join(clause.tags)
    return Quote(clause.id, clause.text, clause.citation, clause.note, tags, is_unverified(f"[{tags}]"), by)


def _over_the_stages(policy: Policy, case: TheCase) -> tuple[tuple[tuple[str, int], ...], ...]:
    decisions = [decide(policy, case.at(stage)) for stage in range(len(STAGES))]
    return tuple(
        tuple((answer, len([*run])) for answer, run in groupby(each.answers[lever.name] for each in decisions))
        for lever in LEVERS
    )


def _hours(policy: Policy) -> str:
    if policy.max_hold_hours is None:
        return "This law names no hours; the regulation does: 48, not counting weekends and holidays (8 CFR 287.7(d))."
    clock = f", {CLOCKS[policy.clock]}" if policy.clock else ""
    return f"A hold lasts {policy.max_hold_hours} hours at most{clock}."
