"""The report: a fold over events, in which nobody is counted twice and nobody falls out."""

from random import Random
from typing import Any

from sandbox.report import disclosures, totals

TOLD = {"from": "LEA", "to": "ICE", "categories": ["release_date", "custody_location"], "basis": "b", "purpose": "p"}


def event(event_type: str, subject: str, **data: Any) -> dict[str, Any]:
    """An event with as much as the report looks at."""
    return {"type": f"{event_type}.v1", "subject": subject, "data": {"disclosures": [], **data}}


def custody(subject: str, stage: str, sequence: int, hold_hours: float | None = None) -> dict[str, Any]:
    """A stage of custody."""
    return event("custody.changed", subject, stage=stage, sequence=sequence, hold_hours=hold_hours)


def decision(subject: str, as_of: str, sequence: int, word: str, *, used: bool) -> dict[str, Any]:
    """The agency's decision, the same word on every lever."""
    levers = ("notify", "hold", "transfer")
    ground = {"clause": "(a)", "text": "t", "source": "s", "levers": ["hold"]}
    return event(
        "cooperation.decided",
        subject,
        as_of=as_of,
        sequence=sequence,
        answers=dict.fromkeys(levers, word),
        exercised=dict.fromkeys(levers, used),
        basis={"because": [ground]},
    )


HERON, WREN, TEAL = "ZZ0010000/HERON-41", "ZZ0010000/WREN-7", "ZZ0010000/TEAL-3"


def test_the_hold_is_read_at_release_and_notice_before_it() -> None:
    events = [
        decision(HERON, "detainer_on_file", 0, "must", used=True),
        decision(HERON, "releasable", 1, "must_not", used=False),
        decision(HERON, "hold_started", 2, "must", used=True),
    ]

    levers = totals(events)["levers"]

    assert (levers["notify"]["exercised"], levers["hold"]["declined"], levers["transfer"]["exercised"]) == (1, 1, 1)


def test_a_lever_names_only_the_clauses_that_answer_it() -> None:
    levers = totals([decision(HERON, "releasable", 0, "must", used=True)])["levers"]

    assert levers["hold"]["why"] == {"must: (a)": 1}
    assert levers["transfer"]["why"] == {"must: ": 1}


def test_those_released_are_told_apart_by_what_kept_ice_from_them() -> None:
    events = [
        custody(HERON, "released", 1),
        custody(WREN, "released", 1),
        event("custody.claimed", WREN),
        custody(TEAL, "released", 1),
        event("custody.claimed", TEAL),
        decision(WREN, "releasable", 0, "may", used=True),
        decision(TEAL, "releasable", 0, "must_not", used=False),
    ]

    found = totals(events)["custody"]

    assert found["released"] == 3
    assert found["released_ice_did_not_come"] == 1
    assert found["released_before_ice_came"] == 1
    assert found["released_hand_over_declined"] == 1


def test_removals_without_a_conviction_fall_into_order_re_entry_or_neither() -> None:
    levels = {"charge_or_conviction": "level_2", "conviction": "none"}
    grounds = [
        {"convicted": False, "final_order": True, "prior_removal": True},
        {"convicted": False, "final_order": False, "prior_removal": True},
        {"convicted": False, "final_order": False, "prior_removal": False},
        {"convicted": True, "final_order": True, "prior_removal": False},
    ]
    events = [
        event("outcome.recorded", f"ZZ0010000/{number}", outcome="removed", levels=levels, grounds=row)
        for number, row in enumerate(grounds)
    ]

    removals = totals(events)["removals"]

    assert removals["total"] == 4
    assert removals["without_conviction"] == {"order": 1, "re_entry": 1, "neither": 1}
    assert removals["by_charge_or_conviction"]["level_2"] == removals["by_conviction"]["none"] == 4


def test_the_order_of_events_changes_nothing() -> None:
    events = [
        decision(HERON, "releasable", 1, "must_not", used=False),
        decision(HERON, "detainer_on_file", 0, "must", used=True),
        custody(HERON, "hold_started", 2),
        custody(HERON, "transferred", 3, hold_hours=12.5),
    ]
    shuffled = Random(41).sample(events, len(events))

    assert totals(events) == totals(shuffled)
    assert totals(events)["custody"]["hold_hours"] == 12.5


def test_disclosures_are_counted_by_sender_recipient_and_what() -> None:
    told = event("cooperation.decided", HERON)
    told["data"]["disclosures"] = [TOLD, TOLD | {"categories": ["custody_location", "release_date"]}]

    assert disclosures([told]) == [
        {"from": "LEA", "to": "ICE", "categories": ["custody_location", "release_date"], "count": 2}
    ]
