"""The rules of the federal side: when a candidate is a match, what the records then say, and how long it takes.

No rule here looks at who the person is. A false match, a missed mate and a stale record are answered like any other.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from services.biometric_match.events import Galleries, RunOpened
from services.biometric_match.matcher import Found, Searched, Unsearchable, UnsearchableReason
from services.biometric_match.records import (
    REMOVABILITIES,
    STATUSES,
    Conviction,
    CriminalRecord,
    Flags,
    ImmigrationRecord,
    ImmigrationRecords,
    Indices,
    Removable,
    criminal_records,
    immigration_records,
)
from services.biometric_match.scores import score_db, threshold

CRIMINAL_IDENTIFICATION_TAKES = timedelta(minutes=27)
"""From submission to SRE: the mean of electronic criminal submissions in 2012 [C:FBI-IAFIS12]; the target was 2 h."""

IDENT_SEARCH_TAKES = timedelta(minutes=2)
"""From the relay to the Shared Services response: 10 s is the class for priority, minutes are typical [B]."""

STATUS_RESEARCH_TAKES = timedelta(hours=4)
"""From IAQ to IAR: human work, for which about 4 h was the target [B]."""


@dataclass(frozen=True, slots=True)
class Match:
    """A row that scored enough, and how rare such a score is between strangers, in decibels."""

    row: int
    score_db: float
    enrolled_as: str | None = None
    """See `Candidate`."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What the three agencies answer about one submission. With an error there is no record."""

    criminal: CriminalRecord | None = None
    criminal_error: UnsearchableReason | None = None
    immigration: ImmigrationRecord | None = None
    encounter: str | None = None
    """DHS's number of an earlier arrest of the run that IDENT knows the prints from, where it has no file."""

    immigration_score_db: float | None = None
    immigration_error: UnsearchableReason | None = None

    @property
    def is_new_to_iafis(self) -> bool:
        """Whether IAFIS was searched, and knew nobody."""
        return self.criminal is None and self.criminal_error is None

    @property
    def is_new_to_ident(self) -> bool:
        """Whether IDENT knew nobody, if it was searched: neither a file nor an earlier arrest."""
        return self.immigration is None and self.encounter is None and self.immigration_error is None

    @property
    def convictions(self) -> tuple[Conviction, ...]:
        """The convictions that IAFIS has on file; none, if it does not know the prints."""
        return self.criminal.convictions if self.criminal else ()


def answers(searched: Searched, run: RunOpened) -> list[Answers]:
    """What follows from the candidates of each gallery: one answer for each submission, in their order."""
    criminal = [match(found, run.galleries) for found in searched.iafis]
    immigration = [match(found, run.galleries) for found in searched.ident]
    rap_sheets = criminal_records(run.seed, _rows(criminal), run.records)
    files = immigration_records(run.seed, _rows(immigration), run.records)

    def rap_sheet(column: int) -> CriminalRecord | None:
        in_iafis_as = criminal[column]
        if in_iafis_as is None:
            return None
        if in_iafis_as.enrolled_as is None:
            return rap_sheets.record(column, run.opened_on)
        # An arrest of this run is on file, and what came of it in court is not.
        return CriminalRecord(ucn=in_iafis_as.enrolled_as, convictions=())

    def answer(column: int) -> Answers:
        in_ident_as = immigration[column]
        encounter = in_ident_as.enrolled_as if in_ident_as else None
        return Answers(
            criminal=rap_sheet(column),
            criminal_error=_refusal(searched.iafis[column]),
            immigration=files.record(column) if in_ident_as and encounter is None else None,
            encounter=encounter,
            immigration_score_db=in_ident_as.score_db if in_ident_as else None,
            immigration_error=_refusal(searched.ident[column]),
        )

    return [answer(column) for column in range(len(criminal))]


def _refusal(found: Found | None) -> UnsearchableReason | None:
    return found.reason if isinstance(found, Unsearchable) else None


def match(found: Found | None, galleries: Galleries) -> Match | None:
    """The best candidate as a match, if its score reaches the threshold for so many fingers and rows.

    A file outranks an arrest of this run: only where no record that was there before scores enough does one count that
    was enrolled since. The threshold stays that of the gallery as it was when the run opened.
    """
    if not found or isinstance(found, Unsearchable):
        return None
    enough = threshold(found[0].fingers, galleries.rows, galleries.fpir)
    scored = [candidate for candidate in found if candidate.score >= enough]
    on_file = [candidate for candidate in scored if candidate.enrolled_as is None]
    if not scored:
        return None
    best = (on_file or scored)[0]
    return Match(best.row, score_db(best.fingers, best.score), best.enrolled_as)


def _rows(matches: Sequence[Match | None]) -> NDArray[np.int64]:
    """A row for everybody: that of a submission that matched no file is made with the others, and never read."""
    return np.array([0 if found is None or found.enrolled_as else found.row for found in matches], np.int64)


def removability(record: ImmigrationRecord, convictions: Iterable[Conviction]) -> Removable:
    """Whether the person may be removed, as far as the two records say.

    What the status implies, except that a lawful permanent resident with an aggravated felony is removable: lawful
    and removable is a third kind beside lawful and undocumented (domain.md 0a.12). Other removable offences of
    permanent residents (8 USC 1227(a)(2) has several) are left out of the model [P].
    """
    lawful_resident = record.status == "lawful_permanent_resident"
    if lawful_resident and any(conviction.aggravated_felony for conviction in convictions):
        return "yes"
    return record.removable


def removabilities(immigration: ImmigrationRecords, aggravated_felony: Flags) -> Indices:
    """Like `removability` for many at once.

    Args:
        immigration: what DHS has on file, as columns.
        aggravated_felony: who has a conviction of one, as far as the FBI knows, `[row]`.

    Returns:
        Indices into `REMOVABILITIES`, `[row]`.
    """
    lawful_resident = immigration.status == STATUSES.index("lawful_permanent_resident")
    yes = np.uint8(REMOVABILITIES.index("yes"))
    return np.where(lawful_resident & aggravated_felony, yes, immigration.removable)
