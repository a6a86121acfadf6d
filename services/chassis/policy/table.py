"""A policy as the finite table that it is.

Every alternative of every condition is a bit. A value of a fact passes some alternatives and not others; values that
pass the same ones are a class, since nothing that the policy says can tell them apart. A cell is one class of each
fact. A situation is the set of alternatives that hold, which settles the answer; few of the sets that could be
written down ever occur, and they are found exactly, however many cells there are.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from operator import and_, getitem, itemgetter
from types import NoneType

from services.chassis.errors import InteropError
from services.chassis.policy.conditions import Condition
from services.chassis.policy.vocabulary import Fact, Kind, Value, spell

MOST_SITUATIONS = 200_000
"""Situations that may be under way at once before a table is refused as too large: some seconds and 100 MB."""

_MOST_KINDS_KEPT = 10_000
_FEW_FACTS = 4


class TooLargeError(InteropError):
    """The situations of a table are too many to be gone through."""

    def __init__(self) -> None:
        super().__init__(
            "too-large",
            f"there are more than {MOST_SITUATIONS:,} ways in which the clauses can apply together, too many to go"
            " through them all; let fewer facts decide, or join clauses that say the same",
        )


@dataclass(frozen=True, slots=True)
class Class:
    """Values of a fact that pass the same alternatives: these `bits` are theirs. The usual value stands first."""

    values: tuple[Value, ...]
    bits: int
    usual: bool


@dataclass(frozen=True, slots=True)
class Situation:
    """A set of alternatives that hold together, and for how many cells.

    `example` names one of these cells, as a class of each fact from the last to the first; it has as few unusual
    values as can be, `unusual` of them.
    """

    bits: int
    cells: int
    unusual: int
    example: "Step | None"


@dataclass(frozen=True, slots=True)
class Step:
    """One fact's class in an example, and the facts before it."""

    fact: int
    chosen: Class
    before: "Step | None"


class Table:
    """The table of a list of conditions over these facts, which must be all that they read."""

    def __init__(self, conditions: Sequence[Condition], facts: Sequence[Fact]) -> None:
        self.facts = tuple(facts)
        self._alternatives: list[Mapping[str, frozenset[Value]]] = []
        self.conditions = tuple([self._number(condition) for condition in conditions])
        self.everything = (1 << len(self._alternatives)) - 1
        self._kinds: set[tuple[type, ...]] = set()

    def _number(self, condition: Condition) -> int:
        first = len(self._alternatives)
        for tests in condition.alternatives:
            self._alternatives.append({test.fact: test.allowed for test in tests})
        return (1 << len(self._alternatives)) - (1 << first)

    @cached_property
    def classes(self) -> tuple[tuple[Class, ...], ...]:
        """The classes of each fact."""
        return tuple(self.classes_of(fact, self.everything) for fact in self.facts)

    @cached_property
    def cells(self) -> int:
        """How many cells there are."""
        return _product(self.classes)

    @cached_property
    def _numbers(self) -> tuple[dict[Value | None, int], ...]:
        """What each value adds to the number of its cell."""
        numbers = []
        step = 1
        for fact, classes in zip(self.facts, self.classes, strict=True):
            by_value: dict[Value | None, int] = {}
            for place, found in enumerate(classes):
                by_value.update(dict.fromkeys(found.values, place * step))
            by_value[None] = by_value[fact.when_missing]
            if fact.kind is Kind.YES_NO:
                by_value |= {spell(value): by_value[value] for value in fact.domain}
            numbers.append(by_value)
            step *= len(classes)
        return tuple(numbers)

    @cached_property
    def _passed(self) -> tuple[dict[Value | None, int], ...]:
        """The alternatives that each value passes."""
        passed = []
        for fact, classes in zip(self.facts, self.classes, strict=True):
            by_value: dict[Value | None, int] = {value: found.bits for found in classes for value in found.values}
            by_value[None] = by_value[fact.when_missing]
            if fact.kind is Kind.YES_NO:
                by_value |= {spell(value): by_value[value] for value in fact.domain}
            passed.append(by_value)
        return tuple(passed)

    @cached_property
    def find(self) -> Callable[[Mapping[str, Value | None]], tuple[tuple[Value | None, ...], int | None]]:
        """Finds the values of the facts in a case, and the number of the cell that they lie in.

        None among the values is a fact that nobody gave, and counts as the one that is assumed. There is no cell,
        and None for its number, where one of the values is none of its fact's.
        """
        # Every decision begins here, so what it needs is bound once, and the loops are left to C. Taking all facts at
        # once is fastest; who leaves one out usually leaves some out again the next time.
        names = [fact.name for fact in self.facts]
        numbers, kinds, learn = self._numbers, self._kinds, self._learn
        all_at_once = itemgetter(*names) if len(names) > 1 else None
        complete = all_at_once is not None

        def find(facts: Mapping[str, Value | None]) -> tuple[tuple[Value | None, ...], int | None]:
            nonlocal complete
            if complete and all_at_once is not None:
                try:
                    given = all_at_once(facts)
                except KeyError:
                    complete = False
                    given = tuple(map(facts.get, names))
            else:
                given = tuple(map(facts.get, names))
                complete = all_at_once is not None and None not in given
            types = tuple(map(type, given))
            if types not in kinds and not learn(types):
                return given, None
            try:
                return given, sum(map(getitem, numbers, given))
            except (KeyError, TypeError):
                return given, None

        return find

    def _learn(self, kinds: tuple[type, ...]) -> bool:
        """Whether values of these types can be right at all: in Python 1 is True, and here a count is no yes."""
        for fact, kind in zip(self.facts, kinds, strict=True):
            if kind not in _TYPES[fact.kind]:
                return False
        if len(self._kinds) >= _MOST_KINDS_KEPT:
            self._kinds.clear()
        self._kinds.add(kinds)
        return True

    def situation(self, given: tuple[Value | None, ...]) -> int:
        """The alternatives that hold for values that `find` has found a cell for."""
        return reduce(and_, map(getitem, self._passed, given), self.everything)

    def classes_of(self, fact: Fact, bits: int) -> tuple[Class, ...]:
        """The values of a fact as these alternatives tell them apart; the class of the usual value is the first."""
        tests = [
            (1 << number, alternative[fact.name])
            for number, alternative in enumerate(self._alternatives)
            if bits >> number & 1 and fact.name in alternative
        ]
        tested = sum(bit for bit, _ in tests)
        found: dict[int, list[Value]] = {}
        for value in (fact.when_missing, *(value for value in fact.domain if value != fact.when_missing)):
            passed = self.everything & ~tested | sum(bit for bit, allowed in tests if value in allowed)
            found.setdefault(passed, []).append(value)
        return tuple(Class(tuple(values), key, number == 0) for number, (key, values) in enumerate(found.items()))

    def situations(self, bits: int | None = None) -> list[Situation]:
        """All situations that can occur, as far as these alternatives (None: all) are concerned; the others hold.

        Raises:
            TooLargeError: there are too many.
        """
        bits = self.everything if bits is None else bits
        reached = {bits: Situation(bits, 1, 0, None)}
        settled = list(self._settled(bits))
        for number, fact in enumerate(self.facts):
            classes = self.classes_of(fact, bits)
            if len(classes) == 1:
                continue
            following: dict[int, Situation] = {}
            for before in reached.values():
                for chosen in classes:
                    held = before.bits & chosen.bits
                    for whole, final in settled[number]:
                        # One alternative that surely holds is enough: how its neighbours do no longer matters.
                        if held & final:
                            held |= whole
                    _join(following, held, before, Step(number, chosen, before.example))
                if len(following) > MOST_SITUATIONS:
                    raise TooLargeError
            reached = following
        return list(reached.values())

    def _settled(self, bits: int) -> Iterator[list[tuple[int, int]]]:
        """After each fact: the conditions some of whose alternatives are settled then, and these alternatives."""
        places = {fact.name: number for number, fact in enumerate(self.facts)}
        last = [max((places[name] for name in tests), default=-1) for tests in self._alternatives]
        for number in range(len(self.facts)):
            done = sum(1 << place for place, settled in enumerate(last) if settled <= number)
            yield [(whole & bits, whole & bits & done) for whole in self.conditions if whole & bits & done]

    def count(self, bits: int) -> int:
        """How many cells these alternatives tell apart."""
        return _product([self.classes_of(fact, bits) for fact in self.facts])

    def describe(self, situation: Situation) -> str:
        """The example of a situation in words. Where it takes many facts, only what is not as assumed is said."""
        steps: list[Step] = []
        step = situation.example
        while step is not None:
            steps.insert(0, step)
            step = step.before
        told = [step for step in steps if not step.chosen.usual or len(steps) <= _FEW_FACTS]
        words = [f"{self.facts[step.fact].name} = {spell(step.chosen.values[0])}" for step in told]
        return ", ".join(words) or ("with every fact as it is assumed" if steps else "always")


_TYPES: Mapping[Kind, frozenset[type]] = {
    Kind.YES_NO: frozenset({bool, str, NoneType}),
    Kind.NUMBER: frozenset({int, str, NoneType}),
    Kind.ORDERED: frozenset({str, NoneType}),
    Kind.LIST: frozenset({str, NoneType}),
}


def _join(following: dict[int, Situation], held: int, before: Situation, step: Step) -> None:
    unusual = before.unusual + (not step.chosen.usual)
    known = following.get(held)
    if known is None:
        following[held] = Situation(held, before.cells, unusual, step)
    elif unusual < known.unusual:
        following[held] = Situation(held, known.cells + before.cells, unusual, step)
    else:
        following[held] = Situation(held, known.cells + before.cells, known.unusual, known.example)


def _product(classes: Sequence[Sequence[Class]]) -> int:
    product = 1
    for found in classes:
        product *= len(found)
    return product
