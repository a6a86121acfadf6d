"""Runs for the tests of reports: tables of a handful of people, and events about some of them."""

from datetime import date
from typing import Any

import polars as pl

from sandbox.population import People, oca_of, people
from sandbox.results import BOOKINGS, CASES, LEVERS, Results
from sandbox.scenario import load_scenario

BOSTON = load_scenario("boston-2008-2010")
SPRING = date(2009, 4, 1)
NOT_KNOWN = dict.fromkeys(("identified", "misidentified", "in_iafis", "in_ident"), False)


def everyone() -> People:
    """The people of 300 bookings in Boston."""
    return people(BOSTON, 7, 300)


def a_run(bookings: int = 0, *cases: dict[str, Any]) -> Results:
    """A run with these matches and so many bookings at least, all on one day of spring.

    What a case does not say is as dull as can be: no detainer, no release, nothing false or stale.
    """
    booked = {"booked_on": SPRING, "handled": "submitted", **NOT_KNOWN}
    searched = ["match"] * len(cases) + ["no_match"] * (bookings - len(cases))
    dull = {
        "booked_on": SPRING,
        "removable": "no",
        "convicted": False,
        "final_order": False,
        "prior_removal": False,
        "level_by_charge": "none",
        "level_by_conviction": "none",
        "priority": "no_action",
        "decided": "no_priority",
        "status": "visa_holder",
        "recorded_status": "visa_holder",
        "outcome_on": SPRING,
        **dict.fromkeys(("on_file", "told", "claimed", "held", "false_match", "stale"), False),
    }
    return Results(
        pl.DataFrame(
            [{**booked, "number": number, "searched": answer} for number, answer in enumerate(searched)],
            schema=dict(BOOKINGS),
        ),
        pl.DataFrame([{**dull, "number": number, **case} for number, case in enumerate(cases)], schema=dict(CASES)),
    )


def event(kind: str, number: int, time: str = "2009-06-12T12:00:00Z", **data: Any) -> dict[str, Any]:
    """An event about a booking, with as much as a report looks at."""
    return {
        "type": f"{kind}.v1",
        "subject": f"ZZ0130100/{oca_of(number)}",
        "time": time,
        "data": {"disclosures": [], **data},
    }


def status(number: int, fin: str, recorded: str = "visa_overstay") -> dict[str, Any]:
    """What the support center says of a match."""
    return event("immigration.status.returned", number, fin=fin, status=recorded, removable="yes")


def detainer(number: int, time: str = "2009-06-12T12:00:00Z") -> dict[str, Any]:
    """ICE asks for a hold."""
    return event(
        "detainer.decided",
        number,
        time,
        action="lodged",
        reason="priority",
        priority="level_2",
        levels={"charge_or_conviction": "level_2", "conviction": "none"},
        grounds={"convicted": False, "final_order": True, "prior_removal": False},
    )


def custody(
    number: int, stage: str, time: str = "2009-06-13T12:00:00Z", hold_hours: float | None = None
) -> dict[str, Any]:
    """A stage of custody."""
    return event("custody.changed", number, time, stage=stage, hold_hours=hold_hours)


def decision(number: int, as_of: str, sequence: int, word: str, *, used: bool) -> dict[str, Any]:
    """The agency's decision, the same word on every lever; its one clause answers the hold alone."""
    return event(
        "cooperation.decided",
        number,
        as_of=as_of,
        sequence=sequence,
        told=used and as_of != "hold_started",
        answers=dict.fromkeys(LEVERS, word),
        exercised=dict.fromkeys(LEVERS, used),
        basis={"because": [{"clause": "(a)", "text": "t", "source": "s", "levers": ["hold"]}]},
    )
