"""One booking's searches over again: whom the matcher listed, in which order, and who they truly are.

The services tell what they decided; a list of candidates is what an examiner has before that. It follows from the
run's own events, so it can be made again at any time, with the matcher's own code, and nothing has to be kept for it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter
from pydantic_core import to_json
from redis import Redis

from sandbox import streams
from sandbox.population import number_of, people
from sandbox.scenario import Scenario, load_scenario
from services.biometric_match.enrolled import READ, Enrolments
from services.biometric_match.events import FingerprintsSubmitted
from services.biometric_match.examiner import Examiner
from services.biometric_match.gallery import GalleryKind, columns, fingers_searched
from services.biometric_match.matcher import Candidate, Found, Unsearchable
from services.biometric_match.records import criminal_records, immigration_records
from services.biometric_match.run import Searches, searches_of
from services.biometric_match.scores import POINTS, fingers_agreeing, score_db, threshold
from services.chassis.delivery.keys import RUN_OPENED
from services.chassis.envelope import Event
from services.chassis.errors import InteropError

_SUBMITTED = "fingerprints.submitted.v1"
_SUBMISSION: TypeAdapter[Event[FingerprintsSubmitted]] = TypeAdapter(Event[FingerprintsSubmitted])

OWN, ANOTHERS, UNKNOWN = "their own", "another person's", "not known here"


@dataclass(frozen=True, slots=True)
class Listed:
    """A candidate as it stands on the list."""

    rank: int
    record: str
    """The UCN in IAFIS, the FIN in IDENT."""

    since: str | None
    """The booking of this run that put the record on file; None for one that was there before."""

    score: int
    score_db: float
    fingers_agreeing: int
    is_match: bool
    """Whether the score reaches the threshold."""

    whose: str
    """The truth, which only the sandbox knows."""


@dataclass(frozen=True, slots=True)
class Searched:
    """The search of one gallery."""

    gallery: GalleryKind
    rows: int
    fingers: int
    most: int
    """The score that so many fingers can reach."""

    threshold: int
    threshold_db: float
    candidates: Sequence[Listed]


def candidate_lists(redis: Redis, tcn: str) -> list[Searched]:
    """The lists of candidates for one booking, one for each gallery that was searched for it.

    Raises:
        InteropError: `unknown-tcn`, when no prints were submitted under it; `too-few-fingers`, when they could not be
            searched.
    """
    submission = next((event for event in streams.events(redis, _SUBMITTED) if event.get("tcn") == tcn), None)
    if submission is None:
        raise InteropError("unknown-tcn", f"no prints were submitted under tcn '{tcn}'; 'interop trace {tcn}' says why")
    runid = submission["runid"]
    opened = next(streams.events(redis, RUN_OPENED, runid))
    searches = searches_of(to_json(opened))
    enrolments, arrested = _enrolments(redis, runid)

    event = _SUBMISSION.validate_python(submission)
    found = Examiner(enrolments).examine_here([event], searches)
    truth = _Truth(opened["data"], searches)
    lists: list[Searched] = []
    galleries: tuple[tuple[GalleryKind, Found | None], ...] = (("iafis", found.iafis[0]), ("ident", found.ident[0]))
    for gallery, candidates in galleries:
        if isinstance(candidates, Unsearchable):
            raise InteropError("too-few-fingers", f"fewer than two fingers of '{tcn}' can be searched")
        if candidates is not None:
            lists.append(_searched(gallery, candidates, event, searches, arrested, truth))
    return lists


class _Truth:
    """Who the bookings of a run truly are, where its scenario is known here."""

    def __init__(self, opened: Mapping[str, Any], searches: Searches) -> None:
        self._seed = searches.run.seed
        self._scenario = _scenario_of(opened["scenario"], searches)

    def person(self, subject: str) -> int | None:
        """The number of the person who was booked; None where no scenario tells."""
        if self._scenario is None:
            return None
        try:
            number = number_of(subject.partition("/")[2])
        except ValueError:
            return None
        return int(people(self._scenario, self._seed, number + 1, number).person[0])


def _scenario_of(name: str, searches: Searches) -> Scenario | None:
    try:
        scenario = load_scenario(name)
    except InteropError:
        return None
    return scenario.model_copy(update={"galleries": searches.run.galleries})


def _enrolments(redis: Redis, runid: str) -> tuple[Enrolments, dict[str, Event[Any]]]:
    """What the bookings of a run have put on file, and the events that did, by the number of the record."""
    enrolments = Enrolments()
    arrested: dict[str, Event[Any]] = {}
    for event_type, model in READ.items():
        adapter: TypeAdapter[Event[Any]] = TypeAdapter(Event[model])  # type: ignore[valid-type]
        events = [adapter.validate_python(event) for event in streams.events(redis, event_type, runid)]
        enrolments.add(event_type, events)
        arrested |= {event.data.called: event for event in events}
    return enrolments, arrested


def _listed(
    gallery: GalleryKind,
    candidates: Sequence[Candidate],
    event: Event[FingerprintsSubmitted],
    searches: Searches,
    arrested: Mapping[str, Event[Any]],
    truth: _Truth,
    enough: int,
) -> Iterator[Listed]:
    codes, present = columns([event.data.prints.decoded()])
    compared = fingers_searched(present, searches.run.galleries.fingers(gallery))[0]
    person = truth.person(event.subject)
    for rank, candidate in enumerate(candidates, 1):
        arrest = arrested.get(candidate.enrolled_as or "")
        whose: int | None
        if arrest is None:
            row = np.array([candidate.row])
            on_file, record = searches.files.codes(gallery, row)[:, 0], _number_of_row(gallery, row, searches)
            whose = searches.files.roster(gallery).person(candidate.row)
        else:
            on_file, record = columns([arrest.data.prints.decoded()])[0][0], arrest.data.called
            whose = truth.person(arrest.subject)
        yield Listed(
            rank=rank,
            record=record,
            since=None if arrest is None else arrest.subject,
            score=candidate.score,
            score_db=score_db(candidate.fingers, candidate.score),
            fingers_agreeing=fingers_agreeing(codes[0][compared], on_file[compared]),
            is_match=candidate.score >= enough,
            whose=UNKNOWN if person is None else OWN if whose == person else ANOTHERS,
        )


def _searched(
    gallery: GalleryKind,
    candidates: Sequence[Candidate],
    event: Event[FingerprintsSubmitted],
    searches: Searches,
    arrested: Mapping[str, Event[Any]],
    truth: _Truth,
) -> Searched:
    fingers = candidates[0].fingers
    enough = threshold(fingers, searches.files.rows, searches.run.galleries.fpir)
    return Searched(
        gallery=gallery,
        rows=searches.files.rows,
        fingers=fingers,
        most=fingers * POINTS,
        threshold=enough,
        threshold_db=score_db(fingers, enough),
        candidates=list(_listed(gallery, candidates, event, searches, arrested, truth, enough)),
    )


def _number_of_row(gallery: GalleryKind, row: NDArray[np.int64], searches: Searches) -> str:
    run = searches.run
    if gallery == "iafis":
        return criminal_records(run.seed, row, run.records).record(0, run.opened_on).ucn
    return immigration_records(run.seed, row, run.records).record(0).fin
