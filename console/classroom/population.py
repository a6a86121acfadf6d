"""The people of a seeded scenario, small enough for a phone and exact enough to equal `interop compare`.

The lab decides everything that no agency's policy changes: who is matched, for whom ICE lodges a detainer, for whom it
would come and when, how the case would end. What is left for the phone is what a law changes. So each case goes along
with what the law would be asked at each stage of it, and with what would follow; nothing is rounded or sampled.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from console.classroom.yardsticks import YARDSTICKS
from sandbox.lab.cells import distinct
from sandbox.lab.crowd import OnBookings, crowd_of
from sandbox.lab.docket import Docket, docket_of
from sandbox.lab.measures import Measure, measures_of
from sandbox.lab.profiles import CONVICTED, Profiles, profiles_of
from sandbox.lab.tables import matches_table
from sandbox.metrics import REMOVED_OUTCOMES
from sandbox.population import NOWHERE
from sandbox.runs import Request, scenario_of, settings_of
from services.booking.domain import REGULATION_HOURS
from services.booking.hold_clock import ClockRule
from services.detainer.triage import MORNING

Integers = NDArray[np.int64]

LEVERS = ("notify", "hold", "transfer")
"""The levers that change what happens to somebody in this model; the other two are answers only."""

HOURS = (24, 48, 72, 96)
"""How long a hold may be made to last in class. The deadline of each is the lab's, with its weekends and holidays."""

WEEKDAYS: ClockRule = "excluding_weekends_and_holidays"


@dataclass(frozen=True, slots=True)
class Crowded:
    """What a phone needs to know of a population.

    Attributes:
        data: plain JSON data; see the functions below for what each part of it is.
        cases: how many requests were on file before the release.
    """

    data: dict[str, Any]
    cases: int


def population_of(request: Request, on_bookings: OnBookings = lambda _: None) -> Crowded:
    """The people of a request, as data for the page.

    Raises:
        InteropError: a scenario that is unknown or has mistakes.
    """
    scenario = scenario_of(request)
    settings = settings_of(scenario, request)
    crowd = crowd_of(scenario, settings, request.bookings, on_bookings)
    docket = docket_of(crowd.people, crowd.found, settings)
    profiles = profiles_of(docket, matches_table(docket))
    measures = measures_of(list(dict.fromkeys(charge.offense_class for charge in scenario.charges)))
    sets, of_question = _sets_of_facts(docket)
    data = {
        "scenario": scenario.scenario,
        "title": scenario.title,
        "seed": request.seed,
        "bookings": request.bookings,
        "discretion": {lever: getattr(settings.discretion, lever) for lever in LEVERS},
        "silence": {lever: getattr(settings.silence, lever) for lever in LEVERS},
        "regulation_hours": REGULATION_HOURS,
        "morning": int(MORNING.total_seconds()),
        "sets": sets,
        "cases": _cases(docket, profiles, of_question),
        "deadlines": {str(hours): _after_release(docket, docket.deadline(hours, WEEKDAYS)) for hours in HOURS},
        "yardsticks": _yardsticks(measures, profiles),
        "shares": _shares(profiles),
    }
    return Crowded(data, len(docket.cases))


def _sets_of_facts(docket: Docket) -> tuple[dict[str, Any], Integers]:
    """The combinations of facts that a law is asked about, and which of them each question has.

    Returns:
        `columns`, each a list with a place for every combination; `facts`, which column a fact is read from and the
        values at its places, null where nobody knows.
    """
    facts = docket.asked.facts
    columns: dict[bytes, tuple[str, Integers]] = {}
    read: dict[str, dict[str, Any]] = {}
    for name, fact in facts.items():
        places = np.asarray(fact.places, np.int64)
        column, _ = columns.setdefault(places.tobytes(), (name, places))
        read[name] = {"column": column, "values": list(fact.values)}
    kept = {name: places for name, places in columns.values() if len(set(places.tolist())) > 1}
    combinations, which = distinct(
        [(places, int(places.max()) + 1) for places in kept.values()], len(docket.asked.stage)
    )
    told = {name: combinations[:, place].tolist() for place, name in enumerate(kept)}
    for name, told_of in read.items():
        if told_of["column"] not in kept:
            read[name] = {"column": None, "values": [_only(told_of["values"], facts[name].places)]}
    return {"count": len(combinations), "columns": told, "facts": read}, which


def _only(values: Sequence[Any], places: NDArray[np.integer[Any]]) -> Any:
    """The value of a fact that is the same in all cases."""
    return values[int(places[0])] if len(places) else None


def _cases(docket: Docket, profiles: Profiles, of_question: Integers) -> dict[str, list[Any]]:
    """The cases as columns. Times are seconds before the release, or after it where the name says so.

    `asked` is the combination of facts at each stage, -1 where the stage is not reached, and `before` when it is;
    `uses` has a bit for each of `LEVERS`: whether the agency uses it where it may.
    """
    asked = np.full(docket.ahead.at.shape, NOWHERE, np.int64)
    asked[docket.asked.stage, docket.asked.case] = of_question
    before = np.where(docket.ahead.reached, docket.release_at - docket.ahead.at, NOWHERE)
    ends_removed = [place for place, name in enumerate(docket.regime.outcomes) if name in REMOVED_OUTCOMES]
    discretion = docket.settings.discretion.model_dump()
    uses = sum((docket.drawn(lever) < discretion[lever]).astype(np.int64) << bit for bit, lever in enumerate(LEVERS))
    return {
        "asked": asked.tolist(),
        "before": before.tolist(),
        "uses": np.asarray(uses).tolist(),
        "comes": (docket.coming.comes_told + 2 * docket.coming.comes_untold.astype(np.int64)).tolist(),
        "way": docket.coming.way.tolist(),
        "removed": np.isin(docket.coming.outcome, ends_removed).astype(np.int64).tolist(),
        "close_after": _after_release(docket, docket.first_close),
        "profile": profiles.of_case.tolist(),
    }


def _after_release(docket: Docket, moment: Integers) -> list[int]:
    after: list[int] = (moment - docket.release_at).tolist()
    return after


def _yardsticks(measures: Iterable[Measure], profiles: Profiles) -> list[dict[str, Any]]:
    """The yardsticks in their order, each with what is counted, and of which profiles; null for all of them."""
    by_id = {measure.id: measure for measure in measures}
    told = []
    for yardstick in YARDSTICKS:
        measure = by_id[yardstick.measure]
        chosen = None if measure.where is None else profiles.labels.select(measure.where.alias("is")).to_series()
        known = {key: value for key, value in asdict(yardstick).items() if key != "often_asked_by"}
        told.append(
            known
            | {
                "event": measure.id if measure.section == "more" else measure.section,
                "unit": measure.unit,
                "profiles": None if chosen is None else chosen.arg_true().to_list(),
            }
        )
    return told


def _shares(profiles: Profiles) -> Mapping[str, float]:
    """How many matches there were, of how many of them ICE lodged a detainer, and of how many nobody was convicted."""
    unconvicted = profiles.labels["unconvicted"].ne(CONVICTED).to_numpy()
    return {
        "matches": float(profiles.matches.sum()),
        "lodged": float(profiles.lodged.sum()),
        "unconvicted": float(profiles.matches[unconvicted].sum()),
    }
