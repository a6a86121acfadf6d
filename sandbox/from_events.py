"""The events of a run as the two tables of `results`: a fold that takes them one at a time, in any order.

Events say what records say. Who a person really is comes from the population, by the booking's number.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
from numpy.typing import NDArray

from sandbox.population import NOWHERE, TRUE_STATUSES, People, number_of
from sandbox.results import BOOKINGS, CASES, HANDLED, LEVERS, SEARCHES, Disclosures, Results, reason_in_words
from services.biometric_match.records import criminal_numbers, enrolled_ucn, immigration_records, number_of_ucn
from services.chassis.errors import InteropError

Event = Mapping[str, Any]
Integers = NDArray[np.integer[Any]]
Flags = NDArray[np.bool_]

_AT_RELEASE = ("releasable", "hold_started")
_NEVER: Final = len(SEARCHES)
"""Stands in a column of searches for a booking of which IDENT was never asked."""


@dataclass(slots=True)
class _Ruling:
    """What the agency did with one lever at the decision that governs it so far."""

    sequence: int
    used: bool
    why: str


@dataclass(slots=True)
class _Case:
    """What the events have said of one match so far. Times are as they stand on the wire."""

    fin: str | None = None
    recorded_status: str | None = None
    removable: str | None = None
    decision: Event | None = None
    lodged_at: str | None = None
    on_file: bool = False
    told: bool = False
    rulings: dict[str, _Ruling] = field(default_factory=dict)
    claimed: bool = False
    held: bool = False
    hold_hours: float | None = None
    transferred_at: str | None = None
    released_at: str | None = None
    outcome: str | None = None
    outcome_at: str | None = None


@dataclass(frozen=True, slots=True, eq=False)
class _Answers:
    """What the agency did with many people, and what the federal side answered."""

    numbers: Integers
    handled: Integers
    iafis_row: Integers
    iafis_known: Integers
    searched: Integers


class Fold:
    """Events of one run, folded. What is added twice counts once, but for disclosures."""

    def __init__(self, *, count_disclosures: bool = True) -> None:
        """
        Args:
            count_disclosures: whether `add` reads what each event disclosed; not where somebody else counts.
        """
        self._count_disclosures = count_disclosures
        self._disclosures: Disclosures = Disclosures()
        self._booked: dict[int, int] = {}
        self._identified: dict[int, int] = {}
        self._searched: dict[int, int] = {}
        self._answers: list[_Answers] = []
        self._cases: dict[int, _Case] = {}

    def add(self, event: Event) -> None:
        """One event, as it is on the wire.

        Raises:
            InteropError: `foreign-booking`, when its subject is no booking of a scenario.
        """
        data = event["data"]
        if self._count_disclosures:
            for row in data["disclosures"]:
                self._disclosures[row["from"], row["to"], tuple(sorted(row["categories"]))] += 1
        handler = _HANDLERS.get(event["type"])
        if handler is not None:
            handler(self, _number(event["subject"]), event["time"], data)

    def add_answers(
        self, numbers: Integers, handled: Integers, iafis_row: Integers, iafis_known: Integers, searched: Integers
    ) -> None:
        """Bookings as columns, for those of which nothing else is to be told.

        Args:
            numbers: their numbers.
            handled: what the agency did, as places in `results.HANDLED`.
            iafis_row: the row of IAFIS that was answered; `NOWHERE` for none.
            iafis_known: the number of the earlier booking whose prints were answered; `NOWHERE` for none.
            searched: what IDENT answered, as places in `results.SEARCHES`; one more where it was never asked.
        """
        self._answers.append(_Answers(numbers, handled, iafis_row, iafis_known, searched))

    def add_disclosures(self, counted: Disclosures) -> None:
        """Disclosures that somebody else has counted."""
        for (sender, recipient, categories), count in counted.items():
            self._disclosures[sender, recipient, tuple(sorted(categories))] += count

    def results(self, people: People) -> Results:
        """The tables of the run, with the truth about these people.

        Raises:
            InteropError: `foreign-booking`, when somebody was booked who is not one of them.
        """
        return Results(self._bookings_of(people), self._cases_of(people), self._disclosures)

    def _bookings_of(self, people: People) -> pl.DataFrame:
        count = len(people)
        booked = np.zeros(count, np.bool_)
        handled = np.zeros(count, np.uint32)
        identified, misidentified = np.zeros((2, count), np.bool_)
        searched = np.full(count, _NEVER, np.uint32)
        for answers in self._answers:
            places = _places(people, answers.numbers)
            booked[places] = True
            handled[places] = answers.handled
            by_row, by_arrest = answers.iafis_row != NOWHERE, answers.iafis_known != NOWHERE
            earlier = people.person[_places(people, np.where(by_arrest, answers.iafis_known, answers.numbers))]
            identified[places] = by_row | by_arrest
            misidentified[places] = np.where(
                by_row, answers.iafis_row != people.iafis_row[places], earlier != people.person[places]
            )
            searched[places] = answers.searched
        by_event = _places(people, _column(self._booked))
        booked[by_event] = True
        handled[by_event] = list(self._booked.values())
        known = _places(people, _column(self._identified))
        identified[known] = True
        misidentified[known] = _are_others(people, known, _column(self._identified.values()))
        searched[_places(people, _column(self._searched))] = list(self._searched.values())

        seen = np.flatnonzero(booked)
        truth = _truth(people, seen)
        columns = {
            "number": people.numbers[seen],
            "booked_on": truth["booked_on"],
            "charge": people.charge[seen],
            "handled": _named(HANDLED, handled[seen], BOOKINGS["handled"]),
            "identified": identified[seen],
            "searched": _named([*SEARCHES, None], searched[seen], BOOKINGS["searched"]),
            "group": truth["group"],
            "status": truth["status"],
            "in_iafis": people.iafis_row[seen] != NOWHERE,
            "in_ident": people.ident_row[seen] != NOWHERE,
            "misidentified": misidentified[seen],
        }
        return _frame(columns, BOOKINGS)

    def _cases_of(self, people: People) -> pl.DataFrame:
        matched = {number: case for number, case in sorted(self._cases.items()) if case.fin is not None}
        cases = list(matched.values())
        places = _places(people, _column(matched))
        truth = _truth(people, places)
        recorded = pl.Series([case.recorded_status for case in cases], dtype=pl.String)
        false_match = _own_fins(people, places) != np.array([_digits(case.fin) for case in cases], np.int64)
        day = _Days(ZoneInfo(people.scenario.time_zone))
        columns = {
            "number": people.numbers[places],
            "booked_on": truth["booked_on"],
            "recorded_status": recorded,
            "removable": [case.removable for case in cases],
            **_decided(cases),
            "lodged_on": [day(case.lodged_at) for case in cases],
            "on_file": [case.on_file for case in cases],
            "told": [case.told for case in cases],
            **_ruled(cases),
            "claimed": [case.claimed for case in cases],
            "held": [case.held for case in cases],
            "hold_hours": [case.hold_hours if case.held else None for case in cases],
            "transferred_on": [day(case.transferred_at) for case in cases],
            "released_on": [day(case.released_at) for case in cases],
            "outcome": [case.outcome for case in cases],
            "outcome_on": [day(case.outcome_at) for case in cases],
            "group": truth["group"],
            "status": truth["status"],
            "false_match": false_match,
            "stale": pl.Series(~false_match) & (recorded != truth["status"]),
        }
        return _frame(columns, CASES)

    # One method for each type of event: what it adds to what is known about one booking.

    def _on_booking(self, number: int, _: str, data: Event) -> None:
        self._booked[number] = HANDLED.index(data.get("handled", "submitted"))

    def _on_identification(self, number: int, _: str, data: Event) -> None:
        if data["srf"] == "I":
            self._identified[number] = number_of_ucn(data["ucn"])

    def _on_search(self, number: int, _: str, data: Event) -> None:
        self._searched[number] = SEARCHES.index(data["result"])
        if data["result"] == "match":
            self._case(number).fin = data["fin"]

    def _on_status(self, number: int, _: str, data: Event) -> None:
        case = self._case(number)
        case.fin, case.recorded_status, case.removable = data["fin"], data["status"], data["removable"]

    def _on_detainer(self, number: int, time: str, data: Event) -> None:
        case = self._case(number)
        # Not the whole event: the clauses behind a decision are most of it, and there may be many.
        case.decision = {name: data[name] for name in ("action", "reason", "priority", "levels", "grounds")}
        if data["action"] == "lodged":
            case.lodged_at = time

    def _on_custody(self, number: int, time: str, data: Event) -> None:
        case = self._case(number)
        match data["stage"]:
            case "detainer_on_file":
                case.on_file = True
            case "hold_started":
                case.held = True
            case "transferred":
                case.transferred_at = time
            case "released":
                case.released_at = time
        if data["hold_hours"] is not None:
            case.hold_hours = data["hold_hours"]

    def _on_cooperation(self, number: int, _: str, data: Event) -> None:
        case = self._case(number)
        case.told |= data["told"]
        for lever in LEVERS:
            if lever in data["answers"] and _governs(lever, data, case.rulings.get(lever)):
                case.rulings[lever] = _Ruling(data["sequence"], data["exercised"][lever], _reason(lever, data))

    def _on_claim(self, number: int, _: str, __: Event) -> None:
        self._case(number).claimed = True

    def _on_outcome(self, number: int, time: str, data: Event) -> None:
        case = self._case(number)
        case.outcome, case.outcome_at = data["outcome"], time

    def _case(self, number: int) -> _Case:
        case = self._cases.get(number)
        if case is None:
            case = self._cases[number] = _Case()
        return case


_HANDLERS: Mapping[str, Callable[[Fold, int, str, Event], None]] = {
    "booking.recorded.v1": Fold._on_booking,
    "identification.returned.v1": Fold._on_identification,
    "immigration.searched.v1": Fold._on_search,
    "immigration.status.returned.v1": Fold._on_status,
    "detainer.decided.v1": Fold._on_detainer,
    "custody.changed.v1": Fold._on_custody,
    "cooperation.decided.v1": Fold._on_cooperation,
    "custody.claimed.v1": Fold._on_claim,
    "outcome.recorded.v1": Fold._on_outcome,
}


def results_of(events: Iterable[Event], people: People) -> Results:
    """The tables of the events of one run, in any order. Raises as `Fold` does."""
    fold = Fold()
    for event in events:
        fold.add(event)
    return fold.results(people)


def _governs(lever: str, data: Event, known: _Ruling | None) -> bool:
    """Whether a decision counts for a lever, and more than the one that is known.

    Notice is governed by the last decision before release, the hold by the one at release, transfer by the last one
    of all; the other levers are read at the last.
    """
    if lever == "hold":
        return bool(data["as_of"] == "releasable") and (known is None or data["sequence"] < known.sequence)
    if lever == "notify" and data["as_of"] in _AT_RELEASE:
        return False
    return known is None or data["sequence"] > known.sequence


def _reason(lever: str, data: Event) -> str:
    clauses = (ground["clause"] for ground in data["basis"]["because"] if lever in ground["levers"])
    return reason_in_words(data["answers"][lever], clauses, done=data["exercised"][lever])


def _decided(cases: Sequence[_Case]) -> dict[str, list[Any]]:
    """What ICE made of each match, and what it knew of the person."""
    empty: Event = {"levels": {}, "grounds": {}}
    decisions = [case.decision or empty for case in cases]
    grounds = [decision["grounds"] for decision in decisions]
    levels = [decision["levels"] for decision in decisions]
    return {
        **{name: [row.get(name) for row in grounds] for name in ("convicted", "final_order", "prior_removal")},
        "level_by_charge": [row.get("charge_or_conviction") for row in levels],
        "level_by_conviction": [row.get("conviction") for row in levels],
        "priority": [decision.get("priority") for decision in decisions],
        "decided": [
            "lodged" if decision.get("action") == "lodged" else decision.get("reason") for decision in decisions
        ],
    }


def _ruled(cases: Sequence[_Case]) -> dict[str, list[Any]]:
    """What the agency did with each lever, and why."""
    columns: dict[str, list[Any]] = {}
    for lever in LEVERS:
        rulings = [case.rulings.get(lever) for case in cases]
        columns[lever] = [None if ruling is None else ruling.used for ruling in rulings]
        columns[f"{lever}_why"] = [None if ruling is None else ruling.why for ruling in rulings]
    return columns


def _truth(people: People, places: Integers) -> dict[str, pl.Series]:
    """What is true of people whatever the events say."""
    moments = pl.from_epoch(pl.Series(people.booked_at[places]), "s")
    return {
        "booked_on": moments.dt.replace_time_zone("UTC").dt.convert_time_zone(people.scenario.time_zone).dt.date(),
        "group": _named(["A", "B"], people.group_b[places].astype(np.uint32), BOOKINGS["group"]),
        "status": _named(TRUE_STATUSES, people.status[places].astype(np.uint32), pl.String()),
    }


def _are_others(people: People, places: Integers, ucns: Integers) -> Flags:
    """Whether the FBI answered about these people with another's number, be it of a row or of an earlier arrest."""
    others: Flags = _own_ucns(people, places) != ucns
    if others.any():
        rows = people.scenario.galleries.rows
        subjects = people.subjects(np.arange(len(people)))
        arrested = {number_of_ucn(enrolled_ucn(people.seed, subject, rows)): n for n, subject in enumerate(subjects)}
        for place in np.flatnonzero(others).tolist():
            booking = arrested.get(int(ucns[place]))
            others[place] = booking is None or people.person[booking] != people.person[places[place]]
    return others


def _own_ucns(people: People, places: Integers) -> NDArray[np.int64]:
    """The UCNs of people's own rows in IAFIS, as numbers; `NOWHERE` for those of whom it has none."""
    rows = people.iafis_row[places]
    return np.where(rows == NOWHERE, NOWHERE, criminal_numbers(people.seed, rows))


def _own_fins(people: People, places: Integers) -> NDArray[np.int64]:
    """The FINs of people's own rows in IDENT, as numbers; `NOWHERE` for those of whom it has none."""
    rows = people.ident_row[places]
    on_file = np.flatnonzero(rows != NOWHERE)
    fins = np.full(len(rows), NOWHERE, np.int64)
    fins[on_file] = immigration_records(people.seed, rows[on_file], people.scenario.records).fin
    return fins


def _digits(fin: str | None) -> int:
    return NOWHERE if fin is None else int(fin.removeprefix("FIN"))


def _number(subject: str) -> int:
    oca = subject.partition("/")[2]
    try:
        return number_of(oca)
    except ValueError:
        raise _foreign(oca) from None


def _places(people: People, numbers: Integers) -> NDArray[np.intp]:
    """Where these bookings stand among the people."""
    places = np.searchsorted(people.numbers, numbers)
    inside = np.minimum(places, len(people) - 1)
    strangers = numbers[people.numbers[inside] != numbers] if len(people) else numbers
    if len(strangers):
        raise _foreign(f"number {strangers[0]}")
    return places


def _foreign(named: str) -> InteropError:
    sentence = (
        f"booking {named} is none of the scenario's, so nobody knows who was booked; book people by hand into a"
        " run of their own, as 'live' is"
    )
    return InteropError("foreign-booking", sentence)


class _Days:
    """The day of the run on which a moment lies."""

    def __init__(self, zone: ZoneInfo) -> None:
        self._zone = zone

    def __call__(self, moment: str | None) -> date | None:
        return None if moment is None else datetime.fromisoformat(moment).astimezone(self._zone).date()


def _column(numbers: Iterable[int]) -> Integers:
    return np.fromiter(numbers, np.int64)


def _named(names: Sequence[str | None], places: Integers, dtype: pl.DataType) -> pl.Series:
    return pl.Series(names, dtype=dtype).gather(pl.Series(places))


def _frame(columns: Mapping[str, Any], schema: Mapping[str, pl.DataType]) -> pl.DataFrame:
    """The columns in the order and with the types of the schema."""
    return pl.DataFrame([pl.Series(name, columns[name]).cast(dtype) for name, dtype in schema.items()])
