"""Mistakes in a file, printed as compilers print them, and all of them at once."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from services.chassis.errors import InteropError


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing that a file gets wrong, and where; line and column count from 1, as editors do."""

    file: str
    line: int
    column: int
    sentence: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: error: {self.sentence}"


class PolicyError(InteropError):
    """A policy or vocabulary text cannot be used. `mistakes` holds everything that is wrong with it, in file order."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        super().__init__("bad-policy", "\n".join(str(mistake) for mistake in mistakes))
        self.mistakes = tuple(mistakes)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """` Did you mean 'felony'?` when a known word is close to `word`, otherwise nothing.

    >>> did_you_mean("felny", ["misdemeanor", "felony"])
    " Did you mean 'felony'?"
    """
    close = get_close_matches(word, list(known), n=1)
    return f" Did you mean '{close[0]}'?" if close else ""
