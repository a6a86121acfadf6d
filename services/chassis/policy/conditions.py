"""The tests of a clause: `fact: at least felony`, and what they allow.

A test is resolved to the set of values that pass it, when the file is read. So a policy is a finite table, a
decision only looks values up, and a test that nothing passes is found before anybody is decided about.
"""

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from services.chassis.policy.mistakes import did_you_mean
from services.chassis.policy.vocabulary import NEVER, Fact, Kind, Value

NO_SETS: Mapping[str, Sequence[str]] = MappingProxyType({})

_COMPARISONS: Mapping[str, Callable[[int, int], bool]] = {
    "at least": operator.ge,
    "at most": operator.le,
    "more than": operator.gt,
    "less than": operator.lt,
}


@dataclass(frozen=True, slots=True)
class Test:
    """One line of a condition: the fact, the words of the test, and the values that pass it."""

    __test__ = False  # pytest: this is no test case

    fact: str
    words: str
    allowed: frozenset[Value]


@dataclass(frozen=True, slots=True)
class Condition:
    """Any one of the alternatives, in each of which every test must pass. One without tests always holds."""

    alternatives: tuple[tuple[Test, ...], ...]

    def holds(self, facts: Mapping[str, Value]) -> bool:
        """Whether the condition holds for these facts, which must include every fact that it reads."""
        for tests in self.alternatives:
            for test in tests:
                if facts[test.fact] not in test.allowed:
                    break
            else:
                return True
        return False

    def as_record(self) -> list[dict[str, str]]:
        """The alternatives as plain JSON data, by fact, in the words of the file."""
        return [{test.fact: test.words for test in tests} for tests in self.alternatives]


ALWAYS = Condition(((),))
NOBODY = Condition(())


def parse_test(fact: Fact, words: str, sets: Mapping[str, Sequence[str]] = NO_SETS) -> Test:
    """The test that `words` describe.

    Args:
        fact: what is tested.
        words: the test as it is written.
        sets: lists of values that the file has given a name, for `in NAME` and `not in NAME`.

    A comparison is false for `never`: who was never convicted was convicted neither at most nor more than five
    years ago.

    Raises:
        ValueError: with a sentence that says what is wrong.
    """
    words = " ".join(words.split())
    allowed = _allowed(fact, words, sets)
    if not allowed:
        raise ValueError(f"no value of '{fact.name}' is '{words}', so the clause could never apply.")
    return Test(fact.name, words, allowed)


def _allowed(fact: Fact, words: str, sets: Mapping[str, Sequence[str]]) -> frozenset[Value]:
    if words.startswith("in "):
        return _members(fact, words.removeprefix("in "), sets)
    if words.startswith("not in "):
        return frozenset(fact.domain) - _members(fact, words.removeprefix("not in "), sets)
    for phrase, compare in _COMPARISONS.items():
        if words.startswith(f"{phrase} "):
            bound = _rank(fact, words.removeprefix(phrase).strip(), phrase)
            return frozenset(value for value, rank in _ranks(fact).items() if compare(rank, bound))
    if words.startswith("between "):
        low, conjunction, high = words.removeprefix("between ").partition(" and ")
        if not conjunction:
            raise ValueError(f"'{words}' is no test: write 'between a and b'.")
        bottom = _rank(fact, low, "between")
        top = _rank(fact, high, "between")
        return frozenset(value for value, rank in _ranks(fact).items() if bottom <= rank <= top)
    if words.startswith("not "):
        excluded = words.removeprefix("not ")
        if " or " in excluded:
            raise ValueError(f"'{words}' can be read in two ways: list the values that pass instead.")
        return frozenset(fact.domain) - {fact.value_of(excluded)}
    return frozenset(fact.value_of(word) for word in words.split(" or "))


def _members(fact: Fact, name: str, sets: Mapping[str, Sequence[str]]) -> frozenset[Value]:
    if name not in sets:
        hint = did_you_mean(name, sets) or f" Sets of this file: {', '.join(sets) or 'none'}."
        raise ValueError(f"unknown set '{name}'.{hint}")
    return frozenset(fact.value_of(word) for word in sets[name])


def _ranks(fact: Fact) -> dict[Value, int]:
    if fact.kind is Kind.NUMBER:
        return {value: value for value in fact.domain if isinstance(value, int)}
    return {value: rank for rank, value in enumerate(fact.domain)}


def _rank(fact: Fact, word: str, phrase: str) -> int:
    if fact.kind not in (Kind.ORDERED, Kind.NUMBER):
        raise ValueError(f"the values of '{fact.name}' have no order, so '{phrase}' says nothing about them.")
    value = fact.value_of(word)
    if value == NEVER and fact.kind is Kind.NUMBER:
        raise ValueError(
            f"'{NEVER}' is no number, so '{phrase} {NEVER}' says nothing; write '{NEVER}' or 'not {NEVER}'."
        )
    return _ranks(fact)[value]
