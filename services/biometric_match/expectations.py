"""What the matcher is told to answer about somebody, whatever the search finds. Pure; where it is kept is script.py.

Demos, and tests of other people's services, want a certain answer and not a likely one. The idea is that of the mock
ABIS of MOSIP, which is told what to answer, with which error and how late: github.com/mosip/mosip-mock-services.
"""

from collections.abc import Sequence
from dataclasses import replace
from http import HTTPStatus
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from services.biometric_match.events import Galleries
from services.biometric_match.gallery import GalleryKind
from services.biometric_match.matcher import Candidate, Found, Searched, Unsearchable, UnsearchableReason
from services.biometric_match.scores import POINTS, threshold
from services.chassis.errors import InteropError

LONGEST_DELAY_MS = 20_000
"""Less than what a backlog may stand still, or a day wait for its close, before somebody is told that it is stuck."""

MATE_POINTS = 16
"""What a finger of a plain mate scores. Of ten fingers, half of all mates score 141 or more under the preset of 2004,
and 177 or more under that of 2012 (2,000 mates each, measured)."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ForcedMatch(_Strict):
    """The gallery knows the person by this row, with the score of a plain mate."""

    answer: Literal["match"]
    row: int = Field(ge=0, strict=True, description="A row of the gallery. What it records follows from the row.")


class ForcedNoMatch(_Strict):
    """The gallery does not know the person, and names nobody."""

    answer: Literal["no_match"]


ForcedAnswer = Annotated[ForcedMatch | ForcedNoMatch, Field(discriminator="answer")]


class Expectation(_Strict):
    """What is answered about one booking. Whatever is not named is found by the real search."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"iafis": {"answer": "no_match"}, "ident": {"answer": "match", "row": 17}},
                {"error": "too_few_fingers"},
                {"delay_ms": 5_000},
            ]
        }
    )

    iafis: ForcedAnswer | None = Field(default=None, description="What IAFIS answers.")
    ident: ForcedAnswer | None = Field(default=None, description="What IDENT answers, if it is asked.")
    error: UnsearchableReason | None = Field(
        default=None, description="The submission cannot be searched, in neither gallery, for this reason."
    )
    delay_ms: int = Field(
        default=0,
        ge=0,
        le=LONGEST_DELAY_MS,
        strict=True,
        description="How long the answer is held back, in real time. The times in the events stay as they are.",
    )

    @model_validator(mode="after")
    def _says_one_thing(self) -> "Expectation":
        forced = self.iafis is not None or self.ident is not None
        if self.error is not None and forced:
            raise ValueError("what cannot be searched has no answer: give an 'error', or 'iafis' and 'ident'")
        if self.error is None and not forced and not self.delay_ms:
            raise ValueError("this asks for nothing: give 'iafis', 'ident', 'error' or 'delay_ms'; DELETE takes back")
        return self

    def forced(self, kind: GalleryKind) -> ForcedMatch | ForcedNoMatch | None:
        """What a gallery is to answer; None leaves it to the search."""
        return self.iafis if kind == "iafis" else self.ident


KINDS: tuple[GalleryKind, ...] = ("iafis", "ident")


def check_rows(expectation: Expectation, galleries: Galleries) -> None:
    """Sees that the rows that an expectation names are in the galleries.

    Raises:
        InteropError: `no-such-row`.
    """
    for kind in KINDS:
        forced = expectation.forced(kind)
        if isinstance(forced, ForcedMatch) and forced.row >= galleries.rows:
            raise InteropError(
                "no-such-row",
                f"the galleries of this run have {galleries.rows:,} rows, so {kind} has no row {forced.row};"
                f" name one from 0 to {galleries.rows - 1}",
                status=HTTPStatus.UNPROCESSABLE_ENTITY,
            )


def scripted(searched: Searched, expectations: Sequence[Expectation | None], galleries: Galleries) -> Searched:
    """What was found, with what is expected in its place.

    IDENT is not asked about what is not relayed, so nothing is expected of it there.

    Args:
        searched: what the searches found for some submissions.
        expectations: for each of them, in their order; None leaves it as it was found.
        galleries: how big they are and how they are searched, on which the score of a match depends.
    """
    in_iafis = zip(searched.iafis, expectations, strict=True)
    in_ident = zip(searched.ident, expectations, strict=True)
    return replace(
        searched,
        iafis=[_expected(found, expectation, "iafis", galleries) for found, expectation in in_iafis],
        ident=[
            None if found is None else _expected(found, expectation, "ident", galleries)
            for found, expectation in in_ident
        ],
    )


def _expected(found: Found, expectation: Expectation | None, kind: GalleryKind, galleries: Galleries) -> Found:
    if expectation is None:
        return found
    if expectation.error is not None:
        return Unsearchable(expectation.error)
    match expectation.forced(kind):
        case ForcedMatch(row=row):
            return (_mate(row, kind, galleries),)
        case ForcedNoMatch():
            return ()
        case None:
            return found


def _mate(row: int, kind: GalleryKind, galleries: Galleries) -> Candidate:
    """A candidate as good as a plain mate, and better where the run's threshold asks for more."""
    fingers = galleries.fingers(kind)
    enough = threshold(fingers, galleries.rows, galleries.fpir)
    return Candidate(row, min(max(fingers * MATE_POINTS, enough), fingers * POINTS), fingers)
