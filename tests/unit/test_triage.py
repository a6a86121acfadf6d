"""ICE's side: whom a regime reaches, whom an office has room for, when ICE comes, and how cases end."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import example, given, strategies as st

from services.chassis.effects import DueCase, NotYetError
from services.chassis.envelope import CaseId
from services.detainer import handlers, triage
from services.detainer.events import ConvictionSeen, CooperationSeen, DayClosed, ImmigrationStatusReturned
from services.detainer.triage import EroCase, Regime, Waiting
from tests.unit.builders import (
    BOOKED_AT,
    BOSTON,
    FRIDAY_5PM,
    HERON_41,
    LODGED_AT,
    OFFICE,
    OPENED_ON,
    a_past_crime,
    a_regime,
    a_stage,
    a_status,
    an_event,
    boston,
    case_id,
    fifty_times,
    midnight_after,
)

EVERYONE = "ice-r0-all"
BY_CHARGE = "ice-r1-levels-2008"
BY_CONVICTION = "ice-r2-morton-2010"

MIDNIGHT = midnight_after(LODGED_AT)


def status_arrives(data: ImmigrationStatusReturned | None = None, regime: Regime | None = None) -> Any:
    event = an_event(data or a_status(), LODGED_AT, source="LESC")
    return handlers.on_status(event, None, regime or a_regime())


def the_only(outcome: handlers.EroOutcome) -> Any:
    (emit,) = outcome.emits
    return emit.data


def on_the_list(oca: str, at: datetime = LODGED_AT, ori: str = "ZZ0010000", **status: Any) -> DueCase[EroCase]:
    about = case_id(oca, ori=ori)
    data = a_status(**status)
    priority = triage.judge(data, at, a_regime()).answer
    return DueCase(about, EroCase(ori=ori, state="waiting", status_at=at, data=data, priority=priority, wake_at=at))


def day_closes(due: list[DueCase[EroCase]], regime: Regime, at: datetime = MIDNIGHT) -> dict[CaseId, Any]:
    day = (at - timedelta(seconds=1)).astimezone(BOSTON).date()
    closed = an_event(DayClosed(day=day, ends_at=at, disclosures=()), at, source="clock")
    return dict(handlers.on_day_closed(closed, due, regime))


# Whom a regime reaches


@pytest.mark.parametrize("regime", [EVERYONE, BY_CHARGE, BY_CONVICTION])
@pytest.mark.parametrize("removable", ["no", "unknown"])
def test_ice_takes_no_action_on_who_is_not_known_to_be_removable(regime: str, removable: str) -> None:
    robber = a_status(removable, charge="1299", convictions=(a_past_crime("1299", 15.0),), final_order=True)

    decided = the_only(status_arrives(robber, a_regime(regime)))

    assert (decided.action, decided.reason, decided.priority) == ("no_action", "no_priority", "no_action")
    assert decided.form is None
    assert decided.disclosures == ()


@pytest.mark.parametrize(
    ("charge", "convictions", "by_charge", "by_conviction"),
    [
        pytest.param("1299", (), "level_1", "other", id="charged with robbery, never convicted"),
        pytest.param("5499", (), "level_2", "other", id="charged with driving without a licence"),
        pytest.param("5311", (), "level_3", "other", id="charged with disorderly conduct"),
        pytest.param("5311", (a_past_crime("2299", 10.0),), "level_2", "level_2", id="one old burglary"),
        pytest.param("5311", (a_past_crime("5311"),), "level_3", "level_3", id="disorderly again"),
        pytest.param("2303", (a_past_crime("5311"),) * 3, "level_2", "level_2", id="three small convictions"),
        pytest.param("5311", (a_past_crime("2803", 3.0),) * 2, "level_2", "level_1", id="two felonies of property"),
    ],
)
def test_the_two_regimes_rank_the_same_facts_differently(
    charge: str, convictions: tuple[ConvictionSeen, ...], by_charge: str, by_conviction: str
) -> None:
    data = a_status(charge=charge, convictions=convictions)

    assert triage.judge(data, LODGED_AT, a_regime(BY_CHARGE)).answer == by_charge
    assert triage.judge(data, LODGED_AT, a_regime(BY_CONVICTION)).answer == by_conviction


@pytest.mark.parametrize(
    ("regime", "charge", "priority"),
    [
        pytest.param("ice-r3-detainer-2012", "5404", "other", id="driving under the influence, of which R3 speaks"),
        pytest.param("ice-r3-detainer-2012", "2303", "no_action", id="shoplifting, of which it does not"),
        pytest.param("ice-r3-detainer-2012", "7777", "no_action", id="a code that the list does not have"),
        pytest.param("proposal-hsac-2011", "5499", "no_action", id="minor traffic, on which nobody was to act"),
        pytest.param("proposal-hsac-2011", "2303", "other", id="shoplifting, as before"),
    ],
)
def test_a_regime_can_ask_for_the_offence(regime: str, charge: str, priority: str) -> None:
    assert triage.judge(a_status(charge=charge), LODGED_AT, a_regime(regime)).answer == priority


@pytest.mark.parametrize("ground", ["final_order", "prior_removal"])
def test_an_order_or_a_removal_is_a_priority_of_its_own_under_the_second_regime_only(ground: str) -> None:
    data = a_status(charge="5311", **{ground: True})

    assert triage.judge(data, LODGED_AT, a_regime(BY_CONVICTION)).answer == "priority_3"
    assert triage.judge(data, LODGED_AT, a_regime(BY_CHARGE)).answer == "level_3"


past_crimes = st.builds(
    a_past_crime,
    ncic=st.sampled_from(["1299", "2303", "3532", "5311"]),
    max_years=st.sampled_from([0.5, 1.0, 2.5, 10.0]),
    aggravated_felony=st.booleans(),
)
statuses = st.builds(
    a_status,
    charge=st.sampled_from(["1299", "1701", "2303", "5311"]),
    convictions=st.lists(past_crimes, max_size=4).map(tuple),
    final_order=st.booleans(),
    prior_removal=st.booleans(),
)


@fifty_times
@given(data=statuses)
def test_the_policy_files_and_the_levels_agree_on_every_removable_person(data: ImmigrationStatusReturned) -> None:
    by_charge = triage.judge(data, LODGED_AT, a_regime(BY_CHARGE)).answer
    by_conviction = triage.judge(data, LODGED_AT, a_regime(BY_CONVICTION)).answer
    levels = triage.levels_of(data)

    without_a_level = "priority_3" if data.final_order or data.prior_removal else "other"
    assert by_charge == (levels.charge_or_conviction if levels.charge_or_conviction != "none" else "other")
    assert by_conviction == (levels.conviction if levels.conviction != "none" else without_a_level)


def test_an_order_that_is_no_conviction_is_told_as_a_ground_of_its_own() -> None:
    decided = the_only(status_arrives(a_status(charge="1299", final_order=True)))

    assert decided.grounds.model_dump() == {"convicted": False, "final_order": True, "prior_removal": False}
    assert decided.levels.model_dump() == {"charge_or_conviction": "level_1", "conviction": "none"}


# When a regime follows another


ROBBERY_ALONE = a_status(charge="1299")
"""Level 1 by the charge, and nothing by conviction."""
BY_CONVICTION_FROM_THURSDAY = (date(2010, 2, 11), BY_CONVICTION)


@pytest.mark.parametrize(
    ("came_at", "policy", "priority"),
    [
        pytest.param("2010-02-10 23:59", BY_CHARGE, "level_1", id="late on Wednesday, Thursday in UTC"),
        pytest.param("2010-02-11 00:00", BY_CONVICTION, "other", id="Thursday at midnight"),
        pytest.param("2011-02-11 12:00", BY_CONVICTION, "other", id="a year later"),
    ],
)
def test_a_case_is_judged_under_the_regime_of_the_local_date_on_which_its_status_came(
    came_at: str, policy: str, priority: str
) -> None:
    event = an_event(ROBBERY_ALONE, boston(came_at), source="LESC")

    decided = the_only(handlers.on_status(event, None, a_regime(BY_CHARGE, BY_CONVICTION_FROM_THURSDAY)))

    assert (decided.basis.policy, decided.priority) == (policy, priority)


@pytest.mark.parametrize("room", [1, 0])
def test_a_regime_that_starts_at_midnight_does_not_reach_back_to_the_list_of_the_day(room: int) -> None:
    late = on_the_list("B-41", at=boston("2010-02-10 23:59"), charge="1299")
    regime = a_regime(BY_CHARGE, BY_CONVICTION_FROM_THURSDAY, capacity=room)

    (outcome,) = day_closes([late], regime, at=boston("2010-02-11 00:00")).values()

    assert the_only(outcome).basis.policy == BY_CHARGE


# Capacity


def test_without_a_limit_a_detainer_is_lodged_at_once() -> None:
    outcome = status_arrives(regime=a_regime(capacity=None))

    decided = the_only(outcome)
    assert (decided.action, decided.reason, decided.form) == ("lodged", "priority", "I-247")
    assert [row.recipient for row in decided.disclosures] == ["LEA"]
    assert outcome.emits[0].time == LODGED_AT
    assert outcome.case.state == "lodged"


def test_with_a_limit_a_case_waits_for_the_close_of_the_day() -> None:
    outcome = status_arrives(regime=a_regime(capacity=5))

    assert outcome.emits == ()
    assert (outcome.case.state, outcome.case.wake_at) == ("waiting", LODGED_AT)


def test_an_office_takes_as_many_as_it_has_room_for_and_tells_the_others_no_capacity() -> None:
    due = [on_the_list(oca) for oca in ("B-41", "B-42", "B-43")]

    outcomes = day_closes(due, a_regime(capacity=2))

    decided = {about.subject[-4:]: the_only(outcome) for about, outcome in outcomes.items()}
    assert {oca: (row.action, row.reason) for oca, row in decided.items()} == {
        "B-41": ("lodged", "priority"),
        "B-42": ("lodged", "priority"),
        "B-43": ("no_action", "no_capacity"),
    }
    assert decided["B-43"].disclosures == ()
    assert {outcome.emits[0].time for outcome in outcomes.values()} == {MIDNIGHT}


def test_who_finds_no_room_is_not_looked_at_again() -> None:
    (outcome,) = day_closes([on_the_list("B-41")], a_regime(capacity=0)).values()

    assert (outcome.case.state, outcome.case.wake_at) == ("no_action", None)


def test_each_office_has_a_list_and_a_limit_of_its_own() -> None:
    in_boston, in_hartford = on_the_list("B-41", charge="5311"), on_the_list("H-1", ori="ZZ0020000", charge="1299")

    outcomes = day_closes([in_boston, in_hartford], a_regime(capacity=1))

    assert {the_only(outcome).action for outcome in outcomes.values()} == {"lodged"}


FIRST_FIVE_DAYS = [OPENED_ON + timedelta(days=number) for number in range(5)]


@pytest.mark.parametrize(
    ("a_day", "of_each_day"),
    [
        pytest.param(2, [2, 2, 2, 2, 2], id="whole"),
        pytest.param(2.5, [2, 3, 2, 3, 2], id="every other day one more"),
        pytest.param(0.4, [0, 0, 1, 0, 1], id="two in five days"),
        pytest.param(0, [0, 0, 0, 0, 0], id="none"),
    ],
)
def test_fractions_of_a_capacity_add_up_from_day_to_day(a_day: float, of_each_day: list[int]) -> None:
    regime = a_regime(capacity=a_day)

    assert [regime.capacity(OFFICE, day) for day in FIRST_FIVE_DAYS] == of_each_day


@fifty_times
@example(hundredths=29, days=100)
@given(hundredths=st.integers(0, 1_000), days=st.integers(1, 800))
def test_no_float_ever_shifts_a_detainer_to_another_day(hundredths: int, days: int) -> None:
    regime = a_regime(capacity=hundredths / 100)

    lodged = sum(regime.capacity(OFFICE, OPENED_ON + timedelta(days=number)) or 0 for number in range(days))

    assert lodged == hundredths * days // 100


@pytest.mark.parametrize(
    ("closes_at", "how_many"),
    [
        pytest.param("2010-02-10 00:00", 0, id="Tuesday"),
        pytest.param("2010-02-11 00:00", 1, id="Wednesday"),
    ],
)
def test_an_office_takes_what_its_capacity_has_added_up_to_by_that_day(closes_at: str, how_many: int) -> None:
    due = [on_the_list(oca) for oca in ("B-41", "B-42")]

    outcomes = day_closes(due, a_regime(capacity=0.4), at=boston(closes_at))

    assert [the_only(outcome).action for outcome in outcomes.values()].count("lodged") == how_many


RANKS = ("no_action", "other", "priority_3", "priority_2", "level_3", "level_2", "level_1")
NOON = boston("2010-02-10 12:00")


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param(("level_1", NOON, "B-9"), ("level_2", BOOKED_AT, "B-1"), id="priority before time"),
        pytest.param(("level_3", NOON, "B-9"), ("priority_2", NOON, "B-1"), id="any level before any priority"),
        pytest.param(("priority_3", NOON, "B-9"), ("other", NOON, "B-1"), id="any class before none"),
        pytest.param(("level_2", BOOKED_AT, "B-9"), ("level_2", NOON, "B-1"), id="time before reference"),
        pytest.param(("level_2", NOON, "B-1"), ("level_2", NOON, "B-9"), id="reference last"),
    ],
)
def test_an_office_takes_by_priority_then_time_then_reference(
    first: tuple[str, datetime, str], second: tuple[str, datetime, str]
) -> None:
    assert triage.take([Waiting(*second), Waiting(*first)], 1, RANKS) == {first[2]}


day_lists = st.lists(
    st.builds(
        Waiting,
        priority=st.sampled_from(RANKS[1:]),
        at=st.integers(0, 5).map(lambda hour: BOOKED_AT + timedelta(hours=hour)),
        subject=st.integers(1, 99).map("ZZ0010000/B-{}".format),
    ),
    max_size=12,
    unique_by=lambda entry: entry.subject,
)


@fifty_times
@given(day_list=day_lists, capacity=st.integers(0, 12), data=st.data())
def test_the_order_of_the_list_decides_nothing(day_list: list[Waiting], capacity: int, data: st.DataObject) -> None:
    shuffled = data.draw(st.permutations(day_list))
    taken = triage.take(day_list, capacity, RANKS)

    assert triage.take(shuffled, capacity, RANKS) == taken
    assert len(taken) == min(capacity, len(day_list))


@fifty_times
@given(day_list=day_lists, capacity=st.integers(0, 11))
def test_more_room_never_costs_anybody_a_place(day_list: list[Waiting], capacity: int) -> None:
    assert triage.take(day_list, capacity, RANKS) <= triage.take(day_list, capacity + 1, RANKS)


def test_an_office_without_a_limit_takes_everybody() -> None:
    waiting = [Waiting("other", NOON, f"B-{number}") for number in range(40)]
    assert len(triage.take(waiting, None, RANKS)) == 40


# Coming


def told(at: datetime = NOON, *, holds: bool = False, release_at: datetime | None = FRIDAY_5PM) -> Any:
    data = CooperationSeen(told=True, exercised={"hold": holds}, release_expected_at=release_at, disclosures=())
    return an_event(data, at)


def lodged(**changes: Any) -> EroCase:
    case = EroCase(ori="ZZ0010000", state="lodged", status_at=LODGED_AT, data=a_status(), wake_at=LODGED_AT)
    return case.model_copy(update=changes)


def test_told_of_a_release_ice_comes_to_the_release() -> None:
    outcome = handlers.on_cooperation(told(), lodged(), a_regime(told_rate=1))

    claim = the_only(outcome)
    assert (claim.at, claim.told) == (FRIDAY_5PM, True)
    assert outcome.emits[0].time == NOON
    assert outcome.case.claimed


def test_told_of_a_release_ice_may_stay_away_and_remembers_that_it_was_told() -> None:
    outcome = handlers.on_cooperation(told(), lodged(), a_regime(told_rate=0))

    assert outcome.emits == ()
    assert (outcome.case.told, outcome.case.claimed) == (True, False)


def test_told_again_ice_does_not_claim_again() -> None:
    once = handlers.on_cooperation(told(), lodged(), a_regime(told_rate=1)).case

    assert handlers.on_cooperation(told(FRIDAY_5PM, holds=True), once, a_regime(told_rate=1)).emits == ()


def test_ice_never_plans_to_come_before_it_was_told() -> None:
    late = FRIDAY_5PM + timedelta(hours=3)

    assert the_only(handlers.on_cooperation(told(late), lodged(), a_regime())).at == late


def test_a_notice_without_a_release_date_brings_nobody() -> None:
    assert handlers.on_cooperation(told(release_at=None), lodged(), a_regime()).emits == ()


def test_a_notice_about_a_case_that_ice_does_not_know_waits() -> None:
    with pytest.raises(NotYetError):
        handlers.on_cooperation(told(), None, a_regime())


subjects = st.integers(1, 99_999).map("ZZ0010000/B-{}".format)
rates = st.floats(0, 1)


@fifty_times
@given(subject=subjects, rate=st.tuples(rates, rates).map(sorted))
def test_who_comes_untold_would_also_come_if_told(subject: str, rate: list[float]) -> None:
    regime = a_regime(untold_rate=rate[0], told_rate=rate[1])

    assert triage.comes_when_told(regime, subject, "level_1") or not triage.comes_untold(regime, subject)


def test_ice_comes_as_often_as_the_scenario_says() -> None:
    regime = a_regime(told_rate=0.7, untold_rate=0.05)
    people = [f"ZZ0010000/B-{number}" for number in range(4_000)]

    came_told = sum(triage.comes_when_told(regime, subject, "level_1") for subject in people) / len(people)
    came_untold = sum(triage.comes_untold(regime, subject) for subject in people) / len(people)

    assert came_told == pytest.approx(0.7, abs=0.03)
    assert came_untold == pytest.approx(0.05, abs=0.015)


@pytest.mark.parametrize(
    ("priority", "claims"), [("level_1", 1), ("level_2", 0), ("other", 0)], ids=["named", "not named", "none"]
)
def test_ice_comes_for_a_priority_as_often_as_the_scenario_says_of_it(priority: str, claims: int) -> None:
    regime = a_regime(told_rate={"level_1": 1, "otherwise": 0})

    assert len(handlers.on_cooperation(told(), lodged(priority=priority), regime).emits) == claims


@fifty_times
@given(subject=subjects, rate=st.tuples(rates, rates).map(sorted))
def test_for_whom_ice_comes_it_would_come_all_the_more_if_the_priority_were_higher(
    subject: str, rate: list[float]
) -> None:
    regime = a_regime(told_rate={"level_1": rate[1], "otherwise": rate[0]})

    assert triage.comes_when_told(regime, subject, "level_1") or not triage.comes_when_told(regime, subject, "other")


@fifty_times
@given(subject=subjects, within=st.floats(0.5, 96))
def test_ice_comes_during_a_hold_after_it_began_and_within_the_hours_of_the_scenario(
    subject: str, within: float
) -> None:
    comes = triage.arrival(a_regime(within_hours=within), subject, FRIDAY_5PM, holds=True)

    assert timedelta(minutes=30) <= comes - FRIDAY_5PM <= timedelta(hours=within)
    assert comes.microsecond == 0


def test_where_nobody_holds_ice_has_to_be_there_at_the_release() -> None:
    assert triage.arrival(a_regime(), HERON_41.subject, FRIDAY_5PM, holds=False) == FRIDAY_5PM


def test_two_people_are_fetched_from_their_holds_at_different_times() -> None:
    times = {triage.arrival(a_regime(), f"ZZ0010000/B-{n}", FRIDAY_5PM, holds=True) for n in range(50)}
    assert len(times) > 40


def test_an_officer_who_was_never_told_comes_by_on_the_next_morning() -> None:
    outcome = day_closes([DueCase(HERON_41, lodged())], a_regime(untold_rate=1))[HERON_41]

    claim = the_only(outcome)
    assert (claim.at, claim.told) == (boston("2010-02-11 09:00"), False)
    assert outcome.emits[0].time == MIDNIGHT
    assert outcome.case.wake_at is None


@pytest.mark.parametrize(
    ("case", "untold_rate"),
    [
        pytest.param(lodged(told=True), 1, id="who was told"),
        pytest.param(lodged(told=True, claimed=True), 1, id="who has said that it comes"),
        pytest.param(lodged(), 0, id="who does not make such visits"),
    ],
)
def test_nobody_comes_by_untold(case: EroCase, untold_rate: float) -> None:
    outcome = day_closes([DueCase(HERON_41, case)], a_regime(untold_rate=untold_rate))[HERON_41]

    assert outcome.emits == ()
    assert outcome.case.wake_at is None


def test_after_an_untold_visit_a_notice_brings_no_second_claim() -> None:
    visited = day_closes([DueCase(HERON_41, lodged())], a_regime(untold_rate=1))[HERON_41].case

    assert handlers.on_cooperation(told(), visited, a_regime(untold_rate=1)).emits == ()


# Endings


def transferred(regime: Regime) -> EroCase:
    event = an_event(a_stage("transferred", facts=None, release_expected_at=None), FRIDAY_5PM)
    return handlers.on_transfer(event, lodged(claimed=True), regime).case


@fifty_times
@given(subject=subjects)
def test_a_case_ends_one_way_within_the_days_that_the_scenario_gives_it(subject: str) -> None:
    outcome, ends_at = triage.ending(a_regime(), subject, FRIDAY_5PM)

    least, most = {"removed": (20, 60), "relief": (100, 400)}[outcome]
    assert timedelta(days=least) <= ends_at - FRIDAY_5PM <= timedelta(days=most)


def test_cases_end_each_way_as_often_as_its_weight_says() -> None:
    outcomes = [triage.ending(a_regime(), f"ZZ0010000/B-{number}", FRIDAY_5PM)[0] for number in range(4_000)]
    assert outcomes.count("removed") / len(outcomes) == pytest.approx(0.75, abs=0.03)


def test_a_transferred_case_waits_for_its_end_and_then_records_it() -> None:
    regime = a_regime()
    case = transferred(regime)
    expected, ends_at = triage.ending(regime, HERON_41.subject, FRIDAY_5PM)

    ended = day_closes([DueCase(HERON_41, case)], regime, midnight_after(ends_at))[HERON_41]

    assert case.wake_at == ends_at
    assert (the_only(ended).outcome, ended.emits[0].time) == (expected, ends_at)
    assert ended.case.wake_at is None


@pytest.mark.parametrize(("feedback", "hear_of_it"), [(True, ["LEA"]), (False, [])])
def test_the_agency_hears_of_the_outcome_only_with_the_feedback_lever_on(feedback: bool, hear_of_it: list[str]) -> None:
    regime = a_regime(feedback=feedback)

    ended = day_closes([DueCase(HERON_41, transferred(regime))], regime)[HERON_41]

    assert [row.recipient for row in the_only(ended).disclosures] == hear_of_it


def test_the_outcome_carries_the_levels_of_both_readings() -> None:
    case = transferred(a_regime()).model_copy(update={"data": a_status(charge="1299")})

    recorded = the_only(day_closes([DueCase(HERON_41, case)], a_regime())[HERON_41])

    assert recorded.levels.model_dump() == {"charge_or_conviction": "level_1", "conviction": "none"}
    assert not recorded.grounds.convicted


def test_crimes_beyond_what_the_vocabulary_counts_are_still_judged() -> None:
    data = a_status(convictions=tuple(a_past_crime(max_years=5.0) for _ in range(51)))
    assert triage.judge(data, LODGED_AT, a_regime(BY_CONVICTION)).answer == "level_1"
