"""Mistakes in a file, printed as compilers print them, and all of them at once."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from services.chassis.errors import InteropError


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing that a file gets wrong, and where; line and column count from 1, as editors do.

    `severity` is `error`, or `note` for what is no mistake but worth a look.
    """

    file: str
    line: int
    column: int
    sentence: str
    severity: str = "error"

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.severity}: {self.sentence}"


class PolicyError(InteropError):
    """A policy or vocabulary text cannot be used. `mistakes` holds everything that is wrong with it, in file order."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        super().__init__("bad-policy", "\n".join(str(mistake) for mistake in mistakes))
        self.mistakes = tuple(mistakes)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """` Did you mean 'felony'?` when a known word is close to `word`, holds it, or begins like it; else nothing.

    >>> did_you_mean("felny", ["misdemeanor", "felony"])
    " Did you mean 'felony'?"
    >>> did_you_mean("ca-trust", ["us-full-cooperation", "us-ca-trust-act-2014"])
    " Did you mean 'us-ca-trust-act-2014'?"
    """
    words = list(known)
    beginnings = {name[: len(word)]: name for name in words if len(word) >= SHORTEST_HINT}
    holding = [name for name in words if len(word) >= SHORTEST_HINT and word in name]
    beginning = [beginnings[close] for close in get_close_matches(word, beginnings, n=1)]
    found = [*get_close_matches(word, words, n=1), *holding, *beginning]
    return f" Did you mean '{found[0]}'?" if found else ""


SHORTEST_HINT = 4
"""Letters that a word must have before a part of another counts as a likeness."""
