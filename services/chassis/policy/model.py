"""A policy as it was read, and a decision with its reasons."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from types import MappingProxyType
from typing import Any, NamedTuple

from services.chassis.policy.conditions import Condition
from services.chassis.policy.table import Table
from services.chassis.policy.vocabulary import Question, Value, Vocabulary


class Place(NamedTuple):
    """Where something stands in its file; both count from 1, as editors do."""

    line: int
    column: int


BEGINNING = Place(1, 1)

NOT_VERIFIED = "not verified for this date"
"""What an answer says about a day beyond the policy's `verified_through`."""


@dataclass(frozen=True, slots=True, eq=False)
class Clause:
    """One clause: when it applies, and what it then answers on which levers."""

    id: str
    text: str
    citation: str
    when: Condition
    unless: Condition
    notwithstanding: frozenset[str]
    then: Mapping[str, str]
    tags: tuple[str, ...]
    note: str
    place: Place

    def as_record(self) -> dict[str, Any]:
        """The clause as plain JSON data."""
        return {
            "clause": self.id,
            "text": self.text,
            "source": self.citation,
            "when": self.when.as_record(),
            "unless": self.unless.as_record(),
            "notwithstanding": sorted(self.notwithstanding),
            "then": dict(self.then),
            "tags": list(self.tags),
            "note": self.note,
        }

    def applies(self, facts: Mapping[str, Value]) -> bool:
        """Whether the clause speaks about a case with these facts."""
        return self.when.holds(facts) and not self.unless.holds(facts)


@dataclass(frozen=True, slots=True)
class Reason:
    """A clause that gave an answer, and on which levers."""

    clause: str
    text: str
    citation: str
    levers: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.clause} {self.text} [{self.citation}]"


@dataclass(frozen=True, slots=True)
class SetAside:
    """A clause that applied but gave way, on these levers, to the clause `by` that stands notwithstanding it."""

    clause: str
    text: str
    by: str
    levers: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.clause} {self.text} (notwithstanding: {self.by})"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What follows from a set of clauses that apply, whatever the facts that made them apply."""

    answers: Mapping[str, str]
    because: tuple[Reason, ...]
    set_aside: tuple[SetAside, ...]


@dataclass(slots=True)
class Decision:
    """What a policy answers about a case, and why. Cases that are decided alike share one verdict.

    `given` holds what was known of each fact that the policy reads, in the order of its `reads`; None is a fact that
    nobody gave.
    """

    asked: "Policy"
    given: tuple[Value | None, ...]
    verdict: Verdict

    @property
    def policy(self) -> str:
        """The id of the policy."""
        return self.asked.id

    @property
    def question(self) -> str:
        """The name of the question."""
        return self.asked.question.name

    @property
    def answers(self) -> Mapping[str, str]:
        """The answer on each lever."""
        return self.verdict.answers

    @property
    def because(self) -> tuple[Reason, ...]:
        """The clauses that gave the answers."""
        return self.verdict.because

    @property
    def set_aside(self) -> tuple[SetAside, ...]:
        """The clauses that applied and gave way."""
        return self.verdict.set_aside

    @property
    def facts_read(self) -> Mapping[str, Value]:
        """Every fact that the policy reads, with the value used."""
        facts = self.asked.vocabulary.facts
        return MappingProxyType(
            {
                name: facts[name].when_missing if value is None else facts[name].canonical(value)
                for name, value in zip(self.asked.reads, self.given, strict=True)
            }
        )

    @property
    def assumed(self) -> Mapping[str, Value]:
        """Those of the facts read that nobody gave, with the value assumed."""
        facts = self.asked.vocabulary.facts
        pairs = zip(self.asked.reads, self.given, strict=True)
        return MappingProxyType({name: facts[name].when_missing for name, value in pairs if value is None})

    @property
    def max_hold_hours(self) -> int | None:
        """How long a hold may last, where the policy says so."""
        return self.asked.max_hold_hours

    @property
    def clock(self) -> str | None:
        """Which hours count."""
        return self.asked.clock

    @property
    def verified(self) -> str:
        """How well the encoding was checked against the instrument."""
        return self.asked.verified

    @property
    def sha256(self) -> str:
        """That of the policy's text."""
        return self.asked.sha256

    @property
    def answer(self) -> str:
        """The one answer to a question that has no levers.

        Raises:
            ValueError: for a question with levers; read `answers`.
        """
        if self.question not in self.answers:
            raise ValueError(f"{self.policy} answers '{self.question}' per lever: read 'answers'")
        return self.answers[self.question]

    def as_record(self) -> dict[str, Any]:
        """The decision as plain JSON data."""
        answer: dict[str, Any] = {"answers": dict(self.answers)}
        if self.question in self.answers:
            answer = {"answer": self.answer}
        else:
            answer |= {"max_hold_hours": self.max_hold_hours, "clock": self.clock}
        return {
            "policy": self.policy,
            **answer,
            "because": [str(reason) for reason in self.because],
            "set_aside": [str(clause) for clause in self.set_aside],
            "facts_read": dict(self.facts_read),
            "assumed": dict(self.assumed),
            "verified": self.verified,
            "sha256": self.sha256,
        }


@dataclass(frozen=True, eq=False)
class Policy:
    """One policy file: its headings, its clauses in order, and what it answers where none of them speaks.

    `until` is the last day in force, None while it still is. `reads` names the facts that its clauses test. `file` and
    `places` (of the headings) are for messages about the text.
    """

    id: str
    title: str
    question: Question
    place: str
    authority: str | None
    binds: tuple[str, ...]
    duties: tuple[str, ...]
    status: str
    since: date
    until: date | None
    source: str
    verified: str
    verified_through: date | None
    max_hold_hours: int | None
    clock: str | None
    tags: tuple[str, ...]
    note: str
    clauses: tuple[Clause, ...]
    otherwise: Clause | None
    reads: tuple[str, ...]
    sets: Mapping[str, tuple[str, ...]]
    sha256: str
    vocabulary: Vocabulary
    file: str
    places: Mapping[str, Place]
    verdicts: dict[int | None, Verdict] = field(default_factory=dict, repr=False)
    """Verdicts already found, by the cell of the table; `decide` keeps them here."""

    @cached_property
    def table(self) -> Table:
        """The policy as a finite table."""
        conditions = [condition for clause in self.clauses for condition in (clause.when, clause.unless)]
        return Table(conditions, [self.vocabulary.facts[name] for name in self.reads])

    def applying(self, situation: int) -> tuple[Clause, ...]:
        """The clauses that apply in a situation of its table."""
        conditions = self.table.conditions
        pairs = zip(self.clauses, conditions[::2], conditions[1::2], strict=True)
        return tuple([clause for clause, when, unless in pairs if situation & when and not situation & unless])

    def verified_on(self, day: date | None) -> str:
        """How well the encoding was checked, as an answer about `day` should say it; None asks about no day."""
        beyond = day is not None and self.verified_through is not None and day > self.verified_through
        return f"{self.verified}; {NOT_VERIFIED}" if beyond else self.verified

    def place_of(self, heading: str) -> Place:
        """Where a heading's value stands in the file; the file's beginning, where it has none."""
        return self.places.get(heading, BEGINNING)

    def summary(self) -> dict[str, Any]:
        """The policy in a list, as plain JSON data."""
        return {
            "id": self.id,
            "question": self.question.name,
            "status": self.status,
            "source": self.source,
            "period": {"from": self.since.isoformat(), "until": self.until.isoformat() if self.until else None},
            "verified": self.verified,
            "verified_through": self.verified_through.isoformat() if self.verified_through else None,
            "place": self.place,
            "authority": self.authority,
            "title": self.title,
        }

    def headings(self) -> dict[str, Any]:
        """Everything but the clauses, as plain JSON data."""
        return {
            **self.summary(),
            "binds": list(self.binds),
            "duties": list(self.duties),
            "max_hold_hours": self.max_hold_hours,
            "clock": self.clock,
            "tags": list(self.tags),
            "note": self.note,
            "reads": list(self.reads),
            "sets": {name: list(values) for name, values in self.sets.items()},
            "sha256": self.sha256,
        }

    def is_in_force(self, day: date) -> bool:
        """Whether the policy is in force on `day`, both ends included."""
        return self.since <= day and (self.until is None or day <= self.until)
