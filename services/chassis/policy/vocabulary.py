"""The words of the policies: facts with finite domains, and the questions with their levers and answers.

Which facts, levers and answers there are is said by `policies/vocabulary.yaml` alone; this module knows only what
a fact or a question is. Because every domain is finite, every policy is a finite table.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from types import NoneType

from services.chassis.errors import InteropError
from services.chassis.policy.mistakes import did_you_mean
from services.chassis.policy.page import is_whole_number

Value = str | int | bool
"""A value of a fact: a word, a whole number, or yes/no as a boolean."""

NEVER = "never"
"""The value of a number that has no number, as in the years since a conviction that there is not."""


MOST_LISTED = 20
"""Values that a message lists before it only says how many there are."""


class Kind(StrEnum):
    """What the values of a fact are like, which decides the tests that make sense for it."""

    ORDERED = "ordered"
    LIST = "list"
    YES_NO = "yes_no"
    NUMBER = "number"


def spell(value: Value) -> str:
    """The value as people write it: `yes` and `no` for booleans."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that is known about a case when a policy is asked.

    `domain` holds all its values, mildest first where they are ordered. `when_missing` is assumed when nobody said.
    """

    name: str
    kind: Kind
    domain: tuple[Value, ...]
    when_missing: Value
    about: str

    def describe(self) -> str:
        """The domain in words, for messages and documents."""
        if self.kind is Kind.NUMBER:
            numbers = [value for value in self.domain if value != NEVER]
            return f"{numbers[0]} to {numbers[-1]}" + (f" or {NEVER}" if NEVER in self.domain else "")
        words = [spell(value) for value in self.domain]
        if len(words) > MOST_LISTED:
            words = [*words[:2], f"... {words[-1]} ({len(words)} values)"]
        return ", ".join(words)

    def value_of(self, word: str) -> Value:
        """The value that `word` names.

        Raises:
            ValueError: with a sentence and, where a known word is close, a suggestion.
        """
        for value in self.domain:
            if spell(value) == word:
                return value
        if self.kind is Kind.NUMBER and not is_whole_number(word):
            raise ValueError(f"'{self.name}' is a number ({self.describe()}), but found '{word}'.")
        if self.kind is Kind.NUMBER:
            raise ValueError(f"'{word}' is outside the range of '{self.name}': {self.describe()}.")
        hint = did_you_mean(word, [spell(value) for value in self.domain])
        raise ValueError(f"'{word}' is not a value of '{self.name}'. Allowed: {self.describe()}.{hint}")

    @property
    def spellings(self) -> Iterator[Value]:
        """Every form in which a program may hand over a value."""
        for value in self.domain:
            yield value
            if isinstance(value, bool):
                yield spell(value)

    def canonical(self, raw: object) -> Value:
        """The value that a program handed over: yes/no as booleans or words, numbers as numbers.

        Raises:
            InteropError: `unknown-value`.
        """
        is_number = isinstance(raw, int) and not isinstance(raw, bool)
        is_boolean = isinstance(raw, bool) and self.kind is Kind.YES_NO
        is_word = isinstance(raw, str) and (self.kind is not Kind.NUMBER or raw == NEVER)
        if not (is_boolean or is_word or (is_number and self.kind is Kind.NUMBER)):
            raise InteropError("unknown-value", f"'{self.name}' cannot be {raw!r}. Allowed: {self.describe()}.")
        try:
            return self.value_of(spell(raw) if isinstance(raw, (bool, int)) else str(raw))
        except ValueError as error:
            raise InteropError("unknown-value", str(error)) from None


@dataclass(frozen=True, slots=True)
class Question:
    """What policies answer. A question without levers of its own has one, which bears the question's name.

    `unanswered` is the answer where no clause speaks; where there is none, a policy needs an `otherwise`.
    """

    name: str
    levers: tuple[str, ...]
    answers: tuple[str, ...]
    unanswered: str | None

    @property
    def has_levers(self) -> bool:
        """Whether a policy gives an answer per lever, rather than one."""
        return self.levers != (self.name,)


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """All facts and questions, and the closed lists of words for the headings of a policy file (`status`, ...)."""

    name: str
    sha256: str
    facts: Mapping[str, Fact]
    questions: Mapping[str, Question]
    headings: Mapping[str, tuple[str, ...]]

    @cached_property
    def names(self) -> frozenset[str]:
        """The names of all facts."""
        return frozenset(self.facts)

    def fact(self, name: str) -> Fact:
        """The fact of that name.

        Raises:
            InteropError: `unknown-fact`.
        """
        if name not in self.facts:
            hint = did_you_mean(name, self.facts) or f" {self.name} lists the facts."
            raise InteropError("unknown-fact", f"unknown fact '{name}'.{hint}")
        return self.facts[name]

    def canonical(self, facts: Mapping[str, Value | None]) -> Mapping[str, Value | None]:
        """The facts with every value in its one form; None stays, and means that nobody said.

        Raises:
            InteropError: `unknown-fact` or `unknown-value`.
        """
        if self._accepts(facts):
            return facts
        return {name: None if raw is None else self.fact(name).canonical(raw) for name, raw in facts.items()}

    def knows(self, name: str, value: Value) -> bool:
        """Whether `value` is one that the fact of that name can have."""
        return (name, type(value), value) in self._accepted

    def _accepts(self, facts: Mapping[str, Value | None]) -> bool:
        # One call into C instead of a loop. The type is part of the entry because True == 1, and a count of one is
        # not a yes.
        entries: Iterable[tuple[str, type, Value | None]] = zip(
            facts, map(type, facts.values()), facts.values(), strict=True
        )
        try:
            return self._accepted.issuperset(entries)
        except TypeError:  # a value that cannot be hashed, such as a list
            return False

    @cached_property
    def _accepted(self) -> frozenset[tuple[str, type, Value | None]]:
        accepted: set[tuple[str, type, Value | None]] = set()
        for fact in self.facts.values():
            accepted.update((fact.name, type(value), value) for value in fact.domain)
            accepted.add((fact.name, NoneType, None))
        return frozenset(accepted)
