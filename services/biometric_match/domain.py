"""The rules of the federal side: when a candidate is a match, what the records then say, and how long it takes.

No rule here looks at who the person is. A false match, a missed mate and a stale record are answered like any other.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta

from services.biometric_match.events import Galleries, RunOpened
from services.biometric_match.matcher import Candidate, Found, Unsearchable, UnsearchableReason
from services.biometric_match.records import (
    Conviction,
    CriminalRecord,
    ImmigrationRecord,
    Removable,
    criminal_record,
    immigration_record,
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


@dataclass(frozen=True, slots=True)
class Answers:
    """What the three agencies answer about one submission. With an `error` there is no record."""

    criminal: CriminalRecord | None = None
    immigration: ImmigrationRecord | None = None
    immigration_score_db: float | None = None
    error: UnsearchableReason | None = None

    @property
    def convictions(self) -> tuple[Conviction, ...]:
        """The convictions that IAFIS has on file; none, if it does not know the prints."""
        return self.criminal.convictions if self.criminal else ()


def answers(in_iafis: Found, in_ident: Found, run: RunOpened) -> Answers:
    """What follows from the best candidate of each gallery."""
    for found in (in_iafis, in_ident):
        if isinstance(found, Unsearchable):
            return Answers(error=found.reason)

    criminal = match(in_iafis, run.galleries)
    immigration = match(in_ident, run.galleries)
    return Answers(
        criminal=criminal_record(run.seed, criminal.row, run.records, run.opened_on) if criminal else None,
        immigration=immigration_record(run.seed, immigration.row, run.records) if immigration else None,
        immigration_score_db=immigration.score_db if immigration else None,
    )


def match(found: Found, galleries: Galleries) -> Match | None:
    """The candidate as a match, if its score reaches the threshold for so many fingers and rows."""
    if not isinstance(found, Candidate):
        return None
    if found.score < threshold(found.fingers, galleries.rows, galleries.fpir):
        return None
    return Match(found.row, score_db(found.fingers, found.score))


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
