"""From a submission to the federal answers, three at most. Pure and stateless: they follow from the input alone."""

from collections.abc import Iterator, Sequence
from datetime import UTC

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
    FingerprintsSubmitted,
    IdentificationReturned,
    ImmigrationSearched,
    ImmigrationStatusReturned,
    RunOpened,
)
from services.biometric_match.matcher import Matcher
from services.biometric_match.relay import EVERYTHING, Relay
from services.chassis.effects import Case, Emit, Outcome
from services.chassis.envelope import Event

Submission = Event[FingerprintsSubmitted]


def on_fingerprints_submitted(
    events: Sequence[Submission], run: RunOpened, matcher: Matcher, relay: Relay = EVERYTHING
) -> list[Outcome[Case]]:
    """Search both galleries for all submissions of a batch at once, and answer each.

    What is not relayed is not searched in IDENT, and there is no event to say so: DHS does not hear of it.

    Args:
        events: submissions of one run, in any order.
        run: that run.
        matcher: that run's galleries.
        relay: which submissions of that run go on to DHS.

    Returns:
        One outcome for each event, in their order: the FBI's answer; DHS's, if it was asked; and a third where IDENT
        has a match.
    """
    probes = [event.data.prints.decoded() for event in events]
    relayed = [relay.takes(event.data.ori, event.data.charge) for event in events]
    in_iafis = matcher.search("iafis", probes)
    searched = iter(matcher.search("ident", [probe for probe, goes_on in zip(probes, relayed, strict=True) if goes_on]))
    in_ident = [next(searched) if goes_on else None for goes_on in relayed]
    return [
        Outcome(emits=tuple(_emits(event, found, relayed=goes_on)))
        for event, found, goes_on in zip(events, answers(in_iafis, in_ident, run), relayed, strict=True)
    ]


def _emits(event: Submission, found: Answers, *, relayed: bool) -> Iterator[Emit]:
    submitted_at = event.time.astimezone(UTC)
    identified_at = submitted_at + CRIMINAL_IDENTIFICATION_TAKES
    searched_at = submitted_at + IDENT_SEARCH_TAKES

    yield Emit(_identification(found), identified_at)
    if not relayed:
        return
    yield Emit(_search(found), searched_at)
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
        error=found.error,
    )


def _search(found: Answers) -> ImmigrationSearched:
    if found.error is not None:
        return ImmigrationSearched(
            disclosures=SEARCH_DISCLOSURES, result="error", fin=None, score_db=None, reason=found.error
        )
    return ImmigrationSearched(
        disclosures=SEARCH_DISCLOSURES,
        result="no_match" if found.immigration is None else "match",
        fin=None if found.immigration is None else found.immigration.fin,
        score_db=found.immigration_score_db,
        reason=None,
    )
