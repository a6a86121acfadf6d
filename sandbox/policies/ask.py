"""`interop decide`: one case, or a file of them, put to one policy or to the law of a place.

A file may have millions of lines, so the answers of one policy are put together from pieces that were written before:
everything but the facts follows from the verdict, and few verdicts ever occur.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol

from pydantic_core import from_json, to_json

from services.chassis.errors import InteropError
from services.chassis.policy import Fact, Policy, Stack, Value, decide

Facts = Mapping[str, Value | None]

MOST_KEPT = 100_000
OPENING, CLOSING = b"{}"


class Asked(Protocol):
    """Whoever is asked: a policy or a stack."""

    def record(self, facts: Facts) -> dict[str, Any]:
        """The answer as plain JSON data."""

    def line(self, line: bytes) -> bytes:
        """The answer to a line of facts, as a line of JSON."""


class OnePolicy:
    """One policy, asked about a day, or about none.

    Programs write JSON in one of two ways, with a blank after each comma and colon or without. A line like that is
    taken apart at its commas, and each part looked up whole: it has a number, and its piece of the answer is written
    already. The sum of the numbers says in which cell of the policy's table the case lies, and, in the bits above,
    which facts are given. A line in any other form is parsed, which takes some times longer.
    """

    def __init__(self, policy: Policy, on: date | None = None) -> None:
        self._policy = policy
        self._verified = policy.verified_on(on)
        self._ending = (
            to_json({"verified": self._verified, "sha256": policy.sha256, "duties": policy.duties})[1:] + b"\n"
        )
        self._cell_bits = policy.table.cells.bit_length()
        self._cell_mask = (1 << self._cell_bits) - 1
        self._comma = b", "
        self._read = (1 << len(policy.reads)) - 1
        self._parts: dict[bytes, tuple[int, bytes]] = {}
        for place, name in enumerate(dict.fromkeys((*policy.reads, *policy.vocabulary.facts))):
            self._write(place, policy.vocabulary.facts[name])
        self._beginnings: dict[int, bytes] = {}
        self._assumptions: dict[int, bytes] = {}

    def _write(self, place: int, fact: Fact) -> None:
        for value in fact.spellings:
            cell = 0
            piece = b""
            if fact.name in self._policy.reads:
                _, found = self._policy.table.find({fact.name: value})
                cell = found or 0
                piece = _pair(fact.name, fact.canonical(value)) + b","
            written = to_json(fact.name), to_json(value)
            for colon in (b":", b": "):
                self._parts[colon.join(written)] = (1 << place + self._cell_bits) + cell, piece

    def record(self, facts: Facts) -> dict[str, Any]:
        """The answer as plain JSON data.

        Raises:
            InteropError: as `decide` does, for every fact of the case.
        """
        self._policy.vocabulary.canonical(facts)
        return decide(self._policy, facts).as_record() | {
            "verified": self._verified,
            "duties": list(self._policy.duties),
        }

    def line(self, line: bytes) -> bytes:
        """The answer to a line of facts, as a line of JSON. Raises as `facts_of` and `record` do."""
        text = line.strip()
        try:
            numbers, pieces = zip(*map(self._parts.__getitem__, text[1:-1].split(self._comma)), strict=False)
        except KeyError:
            self._comma = b", " if b", " in text else b","  # a file has its lines in one form
            return self._parsed(line)
        number = sum(numbers)
        given = number >> self._cell_bits
        # Bits of different facts add up to as many bits; fewer tell that one was named twice.
        if given.bit_count() != len(pieces) or text[0] != OPENING or text[-1] != CLOSING:
            return self._parsed(line)
        told = b"".join(pieces)
        read = given & self._read
        if read == self._read:
            told = told[:-1]  # no assumed fact follows the last comma
        beginning = self._beginnings.get(number & self._cell_mask) or self._begin(number, line)
        return beginning + told + (self._assumptions.get(read) or self._assume(read))

    def _parsed(self, line: bytes) -> bytes:
        return to_json(self.record(facts_of(line))) + b"\n"

    def _begin(self, number: int, line: bytes) -> bytes:
        """How answers begin in the cell that a line lies in, up to the facts."""
        cell = number & self._cell_mask
        record = decide(self._policy, facts_of(line)).as_record()
        for name in ("facts_read", "assumed", "verified", "sha256"):
            del record[name]
        if len(self._beginnings) >= MOST_KEPT:
            self._beginnings.clear()
        self._beginnings[cell] = to_json(record)[:-1] + b',"facts_read":{'
        return self._beginnings[cell]

    def _assume(self, given: int) -> bytes:
        """How answers end, from the facts on that were not given."""
        known = self._policy.vocabulary.facts
        missing = [name for place, name in enumerate(self._policy.reads) if not given >> place & 1]
        assumed = b",".join(_pair(name, known[name].when_missing) for name in missing)
        if len(self._assumptions) >= MOST_KEPT:
            self._assumptions.clear()
        self._assumptions[given] = b'%s},"assumed":{%s},%s' % (assumed, assumed, self._ending)
        return self._assumptions[given]


@dataclass(frozen=True, slots=True)
class LawOfAPlace:
    """The enacted policies in force at a place, and who holds the people there if their facts don't say."""

    stack: Stack
    custodian: str | None = None

    def record(self, facts: Facts) -> dict[str, Any]:
        """The answer as plain JSON data. Raises as `Stack.decide` does."""
        return self.stack.decide(facts, self.custodian).as_record()

    def line(self, line: bytes) -> bytes:
        """The answer to a line of facts, as a line of JSON. Raises as `facts_of` and `Stack.decide` do."""
        return to_json(self.record(facts_of(line))) + b"\n"


def facts_of(text: str | bytes) -> Facts:
    """The facts in a JSON object.

    Raises:
        InteropError: `bad-facts`.
    """
    try:
        facts = from_json(text, allow_inf_nan=False)
    except ValueError as error:
        raise InteropError("bad-facts", f"the facts are no JSON: {error}") from None
    if not isinstance(facts, dict):
        raise InteropError("bad-facts", 'the facts must be one JSON object, as in {"charge": "felony"}')
    return facts


def answer_lines(
    lines: Iterable[bytes], answer: Callable[[bytes], bytes], mistaken: Callable[[int, InteropError], None]
) -> Iterator[bytes]:
    """The answer to each line of facts, in order; a line that cannot be answered is told, and the rest go on."""
    for number, line in enumerate(lines, start=1):
        if line.isspace():
            continue
        try:
            yield answer(line)
        except InteropError as error:
            mistaken(number, error)


def _pair(name: str, value: Value) -> bytes:
    return to_json({name: value})[1:-1]
