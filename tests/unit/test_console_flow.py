"""The page Flow: events as hops, and readings of the streams as counts."""

import json
from pathlib import Path
from typing import Any

import pytest

from console.flow.choices import choices
from console.flow.driving import Controls, summary
from console.flow.journey import Hop, hops_of, journey_of, waiting_for
from console.flow.kinds import KINDS
from console.flow.proof import judge
from console.flow.scenario import Stage, Wish
from console.flow.vitals import EDGES, STREAMS, GroupReading, Reading, by_service, edges, owing, rate, readers_of, rows
from services.chassis.errors import InteropError

EXAMPLES = Path(__file__).resolve().parents[2] / "contracts" / "examples"
Event = dict[str, Any]


def example(name: str) -> Event:
    """The example of an event of the contract: all of them are about Heron-41."""
    event: Event = json.loads((EXAMPLES / f"{name}.json").read_text(encoding="utf-8"))
    return event


def all_of_heron() -> list[Event]:
    told = [json.loads(path.read_text(encoding="utf-8")) for path in EXAMPLES.glob("*.json")]
    return [event for event in told if not event["subject"].endswith("/WREN-7")]


def hop(name: str) -> Hop:
    (made,) = hops_of([example(name)])
    return made


def with_data(event: Event, **data: Any) -> Event:
    return {**event, "data": {**event["data"], **data}}


def custody(stage: str, sequence: int, time: str) -> Event:
    event = with_data(example("custody.changed.v1"), stage=stage, sequence=sequence)
    return {**event, "id": f"custody-{sequence}", "time": time}


def test_every_event_about_a_person_is_a_hop_and_control_events_are_none() -> None:
    titles = [each.title for each in hops_of(all_of_heron())]
    assert titles == [
        "The jail books",
        "Prints go to the state, and on to the FBI",
        "DHS knows these prints",
        "The FBI knows these prints",
        "The support center looks the person up",
        "ICE asks the jail to hold",
        "The request to hold is on file",
        "The jail asks its policy what to do",
        "ICE says that it comes",
        "The person is handed over",
        "The case ends",
    ]


def test_an_event_that_was_delivered_twice_is_one_hop() -> None:
    assert len(hops_of([example("booking.recorded.v1")] * 2)) == 1


@pytest.mark.parametrize(
    ("name", "messages"),
    [
        ("fingerprints.submitted.v1", ("CAR",)),
        ("identification.returned.v1", ("SRE",)),
        ("immigration.status.returned.v1", ("IAQ", "IAR", "IDR")),
        ("detainer.decided.v1", ("I-247",)),
    ],
)
def test_a_hop_has_the_names_of_the_real_messages(name: str, messages: tuple[str, ...]) -> None:
    assert hop(name).messages == messages


def test_a_hop_tells_each_disclosure_that_its_event_declares() -> None:
    told = hop("identification.returned.v1").told
    assert [(row.sender, row.recipient, row.what) for row in told] == [
        ("FBI", "SIB", "the criminal history"),
        ("SIB", "LEA", "the criminal history"),
    ]


def test_a_booking_is_told_to_nobody() -> None:
    assert hop("booking.recorded.v1").told == ()


def test_a_lodged_detainer_names_the_regime_and_its_clause() -> None:
    lodged = hop("detainer.decided.v1")
    assert lodged.why.startswith("Regime example-regime makes this a priority (other), and there was capacity")
    assert [(row.clause, row.decides) for row in lodged.clauses] == [("any other", "whom ICE acts on")]


@pytest.mark.parametrize(
    ("reason", "why"),
    [("no_priority", "gives no priority here"), ("no_capacity", "had no capacity left that day")],
)
def test_a_detainer_that_was_not_lodged_says_why(reason: str, why: str) -> None:
    decided = with_data(example("detainer.decided.v1"), action="no_action", reason=reason, disclosures=[])
    (made,) = hops_of([decided])
    assert made.title == "ICE does nothing"
    assert why in made.why


def test_a_hold_declined_by_policy_names_the_clause() -> None:
    event = example("cooperation.decided.v1")
    answers, done = event["data"]["answers"], event["data"]["exercised"]
    because = [{"clause": "(b)", "text": "No holds", "source": "Code 46-37", "levers": ["hold"]}]
    declined = with_data(
        event,
        answers={**answers, "hold": "must_not"},
        exercised={**done, "hold": False},
        basis={**event["data"]["basis"], "because": because},
    )
    (made,) = hops_of([declined])
    assert made.why == (
        "Policy example-policy, as the request to hold is on file, answers on holding: must not,"
        " by clause (b) [Code 46-37]."
    )
    assert ("hold past release", "must not", False) in [(row.lever, row.answer, row.done) for row in made.levers]
    assert made.clauses[0].source == "Code 46-37"


def test_somebody_whom_the_policy_does_not_hold_walks_out_because_of_it() -> None:
    decided = with_data(example("cooperation.decided.v1"), answers={"hold": "must_not"}, exercised={"hold": False})
    *_, last = hops_of([decided, custody("released", 2, "2009-06-12T21:00:00Z")])
    assert last.why == "The jail does not hold: on holding its policy answers 'must not'."


def test_somebody_for_whom_nobody_came_walks_out_when_the_hold_is_over() -> None:
    over = custody("hold_expired", 3, "2009-06-16T21:00:00Z")
    *_, last = hops_of([over, custody("released", 4, "2009-06-16T21:00:00Z")])
    assert last.why == "The hold is over, and ICE has not come."


def test_a_journey_to_an_outcome_has_ended() -> None:
    found = journey_of(all_of_heron())
    assert (found.ended, found.state) == (True, "The case has ended.")


def test_a_journey_without_a_match_ends_at_the_search_and_ice_never_hears_of_it() -> None:
    names = ("booking.recorded.v1", "fingerprints.submitted.v1", "identification.returned.v1")
    searched = with_data(example("immigration.searched.v1"), result="no_match", fin=None)
    found = journey_of([*map(example, names), searched])
    assert found.ended
    assert "ICE never hears of it" in found.state


def test_a_booking_whose_prints_the_jail_kept_goes_nowhere() -> None:
    found = journey_of([with_data(example("booking.recorded.v1"), handled="kept")])
    assert (found.ended, found.state) == (True, "No prints went anywhere, so nothing follows.")


def test_a_detainer_that_came_after_the_release_ends_the_journey() -> None:
    heron = [event for event in all_of_heron() if event["type"] not in ("custody.changed.v1", "outcome.recorded.v1")]
    late = [
        {**event, "time": "2009-07-01T00:00:00Z"} if event["type"] == "detainer.decided.v1" else event
        for event in heron
    ]
    found = journey_of(late)
    assert (found.ended, found.state) == (
        True,
        "The request came after the person had walked out, so nothing follows.",
    )


def test_a_person_in_jail_waits_for_the_release_in_days_of_the_run() -> None:
    under_way = [
        event
        for event in all_of_heron()
        if event["type"] != "outcome.recorded.v1" and event["data"].get("stage") != "transferred"
    ]
    found = journey_of(under_way)
    assert waiting_for(found, "2009-06-12", 10.0) == (
        "It is 2009-06-12 in this run, and this goes on at 2009-06-12 21:00 (UTC)."
        " The run 'live' lets a day pass every 10 s."
    )


def reading(at: float, prints: int, waiting: int = 0, in_hand: int = 0, oldest_ms: int | None = None) -> Reading:
    group = GroupReading(waiting=waiting, in_hand=in_hand, oldest_ms=oldest_ms, dead=2)
    return Reading(
        at=at,
        added={"fingerprints.submitted.v1": prints},
        groups={("fingerprints.submitted.v1", "biometric_match"): group},
    )


def test_events_a_second_are_what_was_added_between_two_readings() -> None:
    assert rate(reading(100.0, 40), reading(102.0, 65), "fingerprints.submitted.v1") == 12.5


def test_a_first_reading_and_a_redis_that_began_anew_have_no_rate() -> None:
    assert rate(None, reading(100.0, 40), "fingerprints.submitted.v1") == 0
    assert rate(reading(100.0, 40), reading(101.0, 3), "fingerprints.submitted.v1") == 0


def test_a_group_owes_what_it_has_in_hand_and_what_it_was_not_handed_yet() -> None:
    now = reading(100.0, 40, waiting=30, in_hand=12, oldest_ms=97_500)
    assert by_service(now)["biometric_match"] == {"owed": 42, "oldest": 2.5, "dead": 2}
    assert owing(now) == ["biometric_match owes 42 of fingerprints.submitted"]
    assert edges(None, now)["booking-matcher"] == {"rate": 0, "waiting": 42}
    assert rows(None, now)[0]["oldest"] == 2.5


def test_every_line_of_the_drawing_runs_along_streams_that_somebody_reads_there() -> None:
    for along in EDGES.values():
        for event_type, group in along:
            assert event_type in STREAMS
            assert group == "" or group in readers_of(event_type)


READY: dict[str, Any] = {"state": "ready", "faults": {"paused": False, "slow_ms": 0}}
WELL = {
    "biometric_match": READY,
    "audit": {**READY, "log": {"size": 7}, "reconciliation": {"size": 7, "lag": 0, "reconciled": True}},
}


def test_nothing_was_lost_when_all_is_quiet_and_the_log_is_what_the_streams_disclose() -> None:
    assert judge([], WELL, {}).sentence == "Nothing was lost: everything was processed, once."


def test_poison_that_was_put_aside_is_no_loss() -> None:
    proof = judge([], WELL, {"not-json": 4})
    assert proof.proven
    assert "only what nobody can read is put aside" in proof.sentence


def test_an_event_that_a_handler_could_not_process_needs_a_look() -> None:
    proof = judge([], WELL, {"handler-failed": 1})
    assert not proof.proven
    assert "see the dead letters" in proof.sentence


def test_a_backlog_behind_a_stopped_matcher_names_what_to_undo() -> None:
    stopped = {**WELL, "biometric_match": {"state": "ready", "faults": {"paused": True, "slow_ms": 0}}}
    proof = judge(["biometric_match owes 3 of fingerprints.submitted"], stopped, {})
    assert proof.sentence == "Not proven yet: biometric_match is stopped. Undo that, and prove it again."


def test_a_log_that_was_not_compared_yet_proves_nothing() -> None:
    behind = {**WELL, "audit": {**WELL["audit"], "log": {"size": 8}}}
    assert not judge([], behind, {}).proven


def test_a_service_that_is_away_proves_nothing() -> None:
    assert not judge([], {**WELL, "biometric_match": {"state": "away", "faults": None}}, {}).proven


def test_a_stopped_scenario_books_nobody_more() -> None:
    controls = Controls()
    people = controls.governed({"oca": str(number)} for number in range(3))
    assert next(people) == {"oca": "0"}
    controls.listen(['"stop"\n'])
    assert list(people) == []


def test_the_summary_of_a_run_counts_what_happened() -> None:
    counted = dict(summary(all_of_heron()))
    assert counted["known to DHS (a match)"] == 1
    assert counted["handed over to ICE"] == 1
    assert counted["held past their release"] == 0


def test_the_command_of_a_scenario_reproduces_it() -> None:
    wish = Wish("boston-2008-2010", 500, 7, policy="us-ca-sf-2013")
    assert wish.command == "interop run boston-2008-2010 --bookings 500 --seed 7 --policy us-ca-sf-2013"


def test_a_run_that_is_not_there_cannot_be_paused() -> None:
    with pytest.raises(InteropError, match="no-run-under-way"):
        Stage().order("pause")


def test_every_kind_of_people_names_a_law_that_there_is() -> None:
    laws = dict(choices().laws)
    assert {kind.policy for kind in KINDS} <= laws.keys()


def test_people_of_every_kind_are_found_in_the_population() -> None:
    from console.flow.cast import cast  # noqa: PLC0415  it loads the lab

    found = cast(most=1)
    assert all(found[kind.key] for kind in KINDS)
    assert "custody" not in found["stale-record"][0]["body"]
