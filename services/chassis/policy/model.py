"""A policy as it was read, and a decision with its reasons."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from services.chassis.policy.conditions import Condition
from services.chassis.policy.vocabulary import Question, Value, Vocabulary


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


@dataclass(frozen=True, slots=True)
class Decision:
    """What a policy answers about a case, and why.

    Equal cases share one decision object, so its maps are read-only. `facts_read` holds every fact that the policy
    reads, with the value used; `assumed` those of them that nobody gave. `sha256` is that of the policy's text.
    """

    policy: str
    question: str
    answers: Mapping[str, str]
    because: tuple[Reason, ...]
    set_aside: tuple[SetAside, ...]
    facts_read: Mapping[str, Value]
    assumed: Mapping[str, Value]
    max_hold_hours: int | None
    clock: str | None
    verified: str
    sha256: str

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

    `until` is the last day in force, None while it still is. `reads` names the facts that its clauses test.
    """

    id: str
    title: str
    question: Question
    place: str
    authority: str | None
    binds: tuple[str, ...]
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
    decided: dict[tuple[Value | None, ...], Decision] = field(default_factory=dict, repr=False)
    """Decisions already made, by the values of `reads`; `decide` keeps them here."""
    verdicts: dict[tuple[Clause, ...], Verdict] = field(default_factory=dict, repr=False)
    """Verdicts already found, by the clauses that apply; `decide` keeps them here."""

    def is_in_force(self, day: date) -> bool:
        """Whether the policy is in force on `day`, both ends included."""
        return self.since <= day and (self.until is None or day <= self.until)
