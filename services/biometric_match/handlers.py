"""From a submission to the federal answers, three at most, and to what the galleries keep of it. Pure and stateless."""

from collections.abc import Iterator, Sequence
from datetime import UTC
from typing import Literal

from services.biometric_match.domain import (
    CRIMINAL_IDENTIFICATION_TAKES,
    IDENT_SEARCH_TAKES,
    STATUS_RESEARCH_TAKES,
    Answers,
    answers,
    removability,
)
from services.biometric_match.events import (
    IDENTIFICATION_DISCLOSURES,
    SEARCH_DISCLOSURES,
    STATUS_DISCLOSURES,
    ArrestEnrolled,
    EncounterEnrolled,
    FingerprintsSubmitted,
    IdentificationReturned,
    ImmigrationSearched,
    ImmigrationStatusReturned,
)
from services.biometric_match.matcher import Searched
from services.biometric_match.records import enrolled_fin, enrolled_ucn
from services.biometric_match.run import Searches
from services.chassis.effects import Case, Emit, Outcome
from services.chassis.envelope import Event

Submission = Event[FingerprintsSubmitted]


def on_fingerprints_submitted(
    events: Sequence[Submission], searched: Searched, searches: Searches
) -> list[Outcome[Case]]:
    """Answer submissions from what both galleries have for them.

    What was not relayed was not searched in IDENT, and there is no event to say so: DHS does not hear of it.

    Args:
        events: submissions of one run, in any order.
        searched: what was found, in their order.
        searches: what is at hand in that run.

    Returns:
        One outcome for each event, in their order: the FBI's answer; DHS's, if it was asked; and a third where IDENT
        has a match. With each of the first two comes an enrolment, where nobody matched and the prints are kept.
    """
    told = zip(events, answers(searched, searches.run), searched.ident, strict=True)
    return [
        Outcome(emits=tuple(_emits(event, found, searches, relayed=in_ident is not None)))
        for event, found, in_ident in told
    ]


def _emits(event: Submission, found: Answers, searches: Searches, *, relayed: bool) -> Iterator[Emit]:
    submitted_at = event.time.astimezone(UTC)
    identified_at = submitted_at + CRIMINAL_IDENTIFICATION_TAKES
    searched_at = submitted_at + IDENT_SEARCH_TAKES

    yield Emit(_identification(found), identified_at)
    if found.is_new_to_iafis:
        yield Emit(_arrest(event, searches), identified_at)
    if not relayed:
        return
    yield Emit(_search(found), searched_at)
    if found.is_new_to_ident and searches.run.galleries.retain_no_match:
        yield Emit(_encounter(event, searches), searched_at)
    if found.immigration is not None:
        # The query carries keys to the rap sheet, so it waits for both searches.
        asked_at = max(identified_at, searched_at)
        status = ImmigrationStatusReturned(
            disclosures=STATUS_DISCLOSURES,
            fin=found.immigration.fin,
            a_number=found.immigration.a_number,
            status=found.immigration.status,
            removable=removability(found.immigration, found.convictions),
            final_order=found.immigration.final_order,
            prior_removal=found.immigration.prior_removal,
            # The federal side learns the date of arrest and sees when the prints come; the hour stays local.
            booked_at=submitted_at,
            charge=event.data.charge,
            convictions=found.convictions,
        )
        yield Emit(status, asked_at + STATUS_RESEARCH_TAKES)


def _identification(found: Answers) -> IdentificationReturned:
    return IdentificationReturned(
        disclosures=IDENTIFICATION_DISCLOSURES,
        srf="N" if found.criminal is None else "I",
        ucn=None if found.criminal is None else found.criminal.ucn,
        convictions=found.convictions,
        error=found.criminal_error,
    )


def _search(found: Answers) -> ImmigrationSearched:
    if found.immigration_error is not None:
        return ImmigrationSearched(
            disclosures=SEARCH_DISCLOSURES, result="error", fin=None, score_db=None, reason=found.immigration_error
        )
    return ImmigrationSearched(
        disclosures=SEARCH_DISCLOSURES,
        result=_result(found),
        fin=found.immigration.fin if found.immigration is not None else found.encounter,
        score_db=found.immigration_score_db,
        reason=None,
    )


def _result(found: Answers) -> Literal["match", "known_encounter", "no_match"]:
    if found.immigration is not None:
        return "match"
    return "no_match" if found.encounter is None else "known_encounter"


def _arrest(event: Submission, searches: Searches) -> ArrestEnrolled:
    return ArrestEnrolled(
        disclosures=(),
        day=searches.day(event.time),
        ucn=enrolled_ucn(searches.run.seed, event.subject, searches.run.galleries.rows),
        prints=event.data.prints,
    )


def _encounter(event: Submission, searches: Searches) -> EncounterEnrolled:
    return EncounterEnrolled(
        disclosures=(),
        day=searches.day(event.time),
        fin=enrolled_fin(searches.run.seed, event.subject, searches.run.galleries.rows),
        prints=event.data.prints,
    )
