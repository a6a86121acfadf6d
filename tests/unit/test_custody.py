"""Custody: the stages of a person with a detainer on file, and who governs them; never the order of arrival."""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from services.booking import handlers
from services.booking.domain import BookingCase, policy_facts
from services.booking.events import CooperationDecided, CustodyChanged, CustodyPlan, DayEndedSeen, OutcomeRecorded
from services.chassis.effects import DueCase, Emit, NotYetError
from services.chassis.envelope import Event
from tests.unit.builders import (
    BOOKED_AT,
    FRIDAY_5PM,
    HERON_41,
    LODGED_AT,
    a_booking,
    a_charge,
    a_claim,
    a_conviction,
    a_detainer,
    a_plan,
    a_rap_sheet,
    an_event,
    boston,
    fifty_times,
    midnight_after,
    the_place,
)
from tests.unit.policy_files import the_vocabulary

HARBOR = the_place()
WEDNESDAY_5PM = boston("2010-02-17 17:00")
"""48 hours after Friday, 12 February 2010, 17:00: the weekend and Presidents' Day do not count."""

HANDLERS: Mapping[str, Callable[..., handlers.BookingOutcome]] = {
    "IdentificationReturned": handlers.on_identification,
    "DetainerDecided": handlers.on_detainer,
    "CooperationDecided": handlers.on_cooperation,
    "CustodyClaimed": handlers.on_claim,
}

NEITHER: Mapping[str, bool] = {}
HOLD = {"hold": True}
TRANSFER = {"transfer": True}
BOTH = {"hold": True, "transfer": True}


class Jail:
    """Keeps Heron-41: hears what arrives, moves custody when days end, and decides as `decides` says, stage by stage.

    A stage that `decides` does not name is one whose decision never comes. With `shuffles`, what arrives between two
    rounds of the clock arrives in an order of its choice.
    """

    def __init__(
        self,
        plan: CustodyPlan | None = None,
        decides: Mapping[str, Mapping[str, bool]] | None = None,
        *,
        hours: float | None = 48,
        rule: str = "excluding_weekends_and_holidays",
        shuffles: Random | None = None,
    ) -> None:
        self.case = a_booking(plan=plan or a_plan())
        self.decides = decides or {}
        self.terms = {"max_hold_hours": hours, "hold_clock": rule}
        self.shuffles = shuffles
        self.day_ends = midnight_after(BOOKED_AT)
        self.emits: list[Emit] = []
        self.published_by: list[datetime] = []
        """For each of `emits`, the end of the day on which it was published."""
        self.answers: list[Event[Any]] = []
        self.claims: dict[str, list[Event[Any]]] = {}
        """Claims that ICE files on hearing of a stage."""

    def hears(self, *events: Event[Any]) -> "Jail":
        arriving = list(events)
        if self.shuffles is not None:
            self.shuffles.shuffle(arriving)
        for event in arriving:
            outcome = HANDLERS[type(event.data).__name__](event, self.case, HARBOR)
            self._goes_on(outcome)
        return self

    def waits_until(self, last_day: str) -> "Jail":
        """Lets every day up to the last one end, round by round, as the clock does."""
        while self.day_ends <= midnight_after(boston(last_day)):
            while self.case.wake_at is not None and self.case.wake_at < self.day_ends:
                self._hears_answers()
                ended = an_event(DayEndedSeen(ends_at=self.day_ends, disclosures=()), self.day_ends, source="clock")
                ((_, outcome),) = handlers.on_day_ended(ended, [DueCase(HERON_41, self.case)], HARBOR)
                self._goes_on(outcome)
            self._hears_answers()
            self.day_ends = midnight_after(self.day_ends + timedelta(hours=1))
        return self

    @property
    def stages(self) -> list[tuple[str, datetime]]:
        return [(emit.data.stage, emit.time) for emit in self.emits]

    @property
    def last(self) -> CustodyChanged:
        return self.emits[-1].data

    def _goes_on(self, outcome: handlers.BookingOutcome) -> None:
        self.case = outcome.case
        self.emits += outcome.emits
        self.published_by += [self.day_ends] * len(outcome.emits)
        for emit in outcome.emits:
            self.answers += self._answers_to(emit.data, emit.time)

    def _hears_answers(self) -> None:
        answers, self.answers = self.answers, []
        self.hears(*answers)

    def _answers_to(self, stage: CustodyChanged, at: datetime) -> Iterable[Event[Any]]:
        if stage.facts is not None and stage.stage in self.decides:
            decided = CooperationDecided(
                as_of=stage.stage,
                sequence=stage.sequence,
                exercised=dict(self.decides[stage.stage]),
                disclosures=(),
                **self.terms,
            )
            yield an_event(decided, at, ordinal=stage.sequence)
        yield from self.claims.get(stage.stage, ())


def with_detainer(plan: CustodyPlan | None = None, decides: Mapping[str, Mapping[str, bool]] | None = None) -> Jail:
    return Jail(plan, decides).hears(a_rap_sheet(), a_detainer())


# The path


def test_a_case_without_a_detainer_has_no_stages_and_asks_for_no_time() -> None:
    jail = Jail(a_plan(charge_filed_at=boston("2010-02-11 10:00"))).hears(a_rap_sheet()).waits_until("2010-02-20")

    assert jail.stages == []
    assert jail.case.wake_at is None


def test_a_detainer_goes_on_file_at_the_moment_at_which_it_was_lodged() -> None:
    assert with_detainer().stages == [("detainer_on_file", LODGED_AT)]


def test_the_criminal_case_goes_through_its_stages_in_the_order_of_their_times() -> None:
    plan = a_plan(
        bond_posted_at=boston("2010-02-11 12:00"),
        charge_filed_at=boston("2010-02-11 10:00"),
        disposed_at=boston("2010-02-12 16:00"),
        held_to_answer_at=boston("2010-02-12 11:00"),
    )

    assert with_detainer(plan).waits_until("2010-02-12").stages == [
        ("detainer_on_file", LODGED_AT),
        ("charged", plan.charge_filed_at),
        ("bond_posted", plan.bond_posted_at),
        ("held_to_answer", plan.held_to_answer_at),
        ("disposed", plan.disposed_at),
        ("releasable", plan.release_at),
        ("released", plan.release_at),
    ]


def test_what_happened_before_the_detainer_is_no_stage_any_more() -> None:
    plan = a_plan(charge_filed_at=LODGED_AT - timedelta(hours=1), held_to_answer_at=LODGED_AT)

    assert with_detainer(plan).waits_until("2010-02-12").stages[1][0] == "releasable"


def test_what_was_planned_for_after_the_release_never_happens() -> None:
    plan = a_plan(disposed_at=FRIDAY_5PM + timedelta(hours=1))

    assert with_detainer(plan).waits_until("2010-02-20").stages[1][0] == "releasable"


def test_a_disposition_that_lets_the_person_go_comes_before_the_release() -> None:
    stages = with_detainer(a_plan(disposed_at=FRIDAY_5PM)).waits_until("2010-02-12").stages

    assert stages[1:3] == [("disposed", FRIDAY_5PM), ("releasable", FRIDAY_5PM)]


def test_what_falls_on_one_moment_is_a_stage_each_in_the_order_of_a_criminal_case() -> None:
    noon = boston("2010-02-11 12:00")
    plan = a_plan(disposed_at=noon, bond_posted_at=noon, held_to_answer_at=noon, charge_filed_at=noon)

    assert with_detainer(plan).waits_until("2010-02-11").stages[1:] == [
        ("charged", noon),
        ("held_to_answer", noon),
        ("bond_posted", noon),
        ("disposed", noon),
    ]


def test_the_stages_of_a_case_are_numbered_and_their_numbers_name_the_events() -> None:
    jail = with_detainer(a_plan(charge_filed_at=boston("2010-02-11 10:00"))).waits_until("2010-02-12")

    assert [emit.data.sequence for emit in jail.emits] == [0, 1, 2, 3]
    assert [emit.ordinal for emit in jail.emits] == [0, 1, 2, 3]


def test_an_event_about_a_booking_that_has_not_arrived_waits() -> None:
    with pytest.raises(NotYetError):
        handlers.on_detainer(a_detainer(), None, HARBOR)


# Release


def test_claimed_by_the_release_and_handed_over_is_a_transfer_at_the_release() -> None:
    jail = with_detainer(decides={"detainer_on_file": TRANSFER, "releasable": TRANSFER})
    jail.hears(a_claim(FRIDAY_5PM)).waits_until("2010-02-12")

    assert jail.stages[-1] == ("transferred", FRIDAY_5PM)
    assert jail.case.custody == "transferred"
    assert jail.last.hold_hours == 0


def test_nobody_is_handed_over_before_the_criminal_case_lets_go() -> None:
    jail = with_detainer(decides={"detainer_on_file": TRANSFER, "releasable": TRANSFER})
    jail.hears(a_claim(LODGED_AT + timedelta(hours=2))).waits_until("2010-02-12")

    assert jail.stages[-1] == ("transferred", FRIDAY_5PM)


def test_claimed_a_second_after_the_release_comes_in_vain_where_nobody_holds() -> None:
    jail = with_detainer(decides={"detainer_on_file": TRANSFER, "releasable": TRANSFER})
    jail.hears(a_claim(FRIDAY_5PM + timedelta(seconds=1))).waits_until("2010-02-20")

    assert jail.stages[-1] == ("released", FRIDAY_5PM)


def test_who_is_not_claimed_and_not_held_walks_out() -> None:
    jail = with_detainer(decides={"releasable": TRANSFER}).waits_until("2010-02-12")

    assert jail.stages[-1] == ("released", FRIDAY_5PM)
    assert jail.case.custody == "released"


def test_a_claim_does_not_help_where_the_agency_neither_hands_over_nor_holds() -> None:
    jail = with_detainer(decides={"detainer_on_file": BOTH, "releasable": NEITHER})
    jail.hears(a_claim(FRIDAY_5PM)).waits_until("2010-02-20")

    assert jail.stages[-1] == ("released", FRIDAY_5PM)


@pytest.mark.parametrize(
    ("earlier", "at_release", "ends"),
    [
        pytest.param(HOLD, NEITHER, "released", id="declined at last"),
        pytest.param(NEITHER, HOLD, "hold_started", id="held at last"),
    ],
)
def test_the_answer_as_of_releasable_governs_the_hold_and_no_earlier_one(
    earlier: Mapping[str, bool], at_release: Mapping[str, bool], ends: str
) -> None:
    plan = a_plan(disposed_at=boston("2010-02-12 16:00"))
    decides = {"detainer_on_file": earlier, "disposed": earlier, "releasable": at_release}

    assert with_detainer(plan, decides).waits_until("2010-02-12").stages[-1] == (ends, FRIDAY_5PM)


# Hold


def test_a_hold_that_nobody_uses_expires_and_the_person_walks_out_at_that_moment() -> None:
    jail = with_detainer(decides={"releasable": HOLD, "hold_started": BOTH}).waits_until("2010-02-20")

    assert jail.stages[-3:] == [
        ("hold_started", FRIDAY_5PM),
        ("hold_expired", WEDNESDAY_5PM),
        ("released", WEDNESDAY_5PM),
    ]
    assert jail.case.custody == "released"


def test_an_expired_hold_tells_how_many_hours_were_spent_on_the_detainer_alone() -> None:
    jail = with_detainer(decides={"releasable": HOLD}).waits_until("2010-02-20")

    expired = next(emit.data for emit in jail.emits if emit.data.stage == "hold_expired")
    assert expired.hold_hours == 120


def test_a_hold_ends_in_a_transfer_when_ice_comes_before_it_expires() -> None:
    saturday_noon = boston("2010-02-13 12:00")
    jail = with_detainer(decides={"releasable": BOTH, "hold_started": BOTH})
    jail.hears(a_claim(saturday_noon)).waits_until("2010-02-20")

    assert jail.stages[-2:] == [("hold_started", FRIDAY_5PM), ("transferred", saturday_noon)]
    assert jail.last.hold_hours == 19


@pytest.mark.parametrize(
    ("late_by", "ends"),
    [
        pytest.param(timedelta(0), "transferred", id="in the last moment"),
        pytest.param(timedelta(seconds=1), "released", id="a second late"),
    ],
)
def test_a_claim_counts_until_the_hold_expires_and_not_after(late_by: timedelta, ends: str) -> None:
    jail = with_detainer(decides={"releasable": BOTH, "hold_started": BOTH})
    jail.hears(a_claim(WEDNESDAY_5PM + late_by)).waits_until("2010-02-20")

    assert jail.stages[-1] == (ends, WEDNESDAY_5PM)


def test_a_claim_that_is_filed_during_the_hold_is_served_within_it() -> None:
    saturday_noon = boston("2010-02-13 12:00")
    jail = with_detainer(decides={"releasable": BOTH, "hold_started": BOTH})
    jail.claims = {"hold_started": [a_claim(saturday_noon)]}

    assert jail.waits_until("2010-02-20").stages[-1] == ("transferred", saturday_noon)


@pytest.mark.parametrize(
    ("at_release", "during_the_hold", "ends"),
    [
        pytest.param(BOTH, HOLD, ("released", WEDNESDAY_5PM), id="no longer permitted"),
        pytest.param(HOLD, BOTH, ("transferred", boston("2010-02-13 12:00")), id="permitted only now"),
    ],
)
def test_the_answer_at_pick_up_governs_the_transfer(
    at_release: Mapping[str, bool], during_the_hold: Mapping[str, bool], ends: tuple[str, datetime]
) -> None:
    jail = with_detainer(decides={"releasable": at_release, "hold_started": during_the_hold})
    jail.hears(a_claim(boston("2010-02-13 12:00"))).waits_until("2010-02-20")

    assert jail.stages[-1] == ends


def test_who_was_claimed_before_the_release_but_may_be_handed_over_only_from_the_hold_goes_when_it_begins() -> None:
    jail = with_detainer(decides={"releasable": HOLD, "hold_started": BOTH})
    jail.hears(a_claim(LODGED_AT)).waits_until("2010-02-12")

    assert jail.stages[-2:] == [("hold_started", FRIDAY_5PM), ("transferred", FRIDAY_5PM)]


def test_a_hold_lasts_as_long_as_the_answer_that_ordered_it_says() -> None:
    jail = Jail(decides={"releasable": HOLD}, hours=24, rule="straight").hears(a_rap_sheet(), a_detainer())

    assert jail.waits_until("2010-02-20").stages[-1] == ("released", boston("2010-02-13 17:00"))


def test_where_the_policy_names_no_hours_those_of_the_regulation_hold() -> None:
    # us-il-cook-2011: "The ordinance sets no hours: where it lets the sheriff hold, [...] the regulation set[s] them."
    jail = Jail(decides={"releasable": HOLD}, hours=None).hears(a_rap_sheet(), a_detainer())

    assert jail.waits_until("2010-02-20").stages[-1] == ("released", WEDNESDAY_5PM)


def test_an_officer_who_is_turned_away_leaves_the_person_on_hold_until_it_expires() -> None:
    jail = with_detainer(decides={"releasable": BOTH, "hold_started": HOLD})
    jail.hears(a_claim(boston("2010-02-13 12:00"))).waits_until("2010-02-14")

    assert jail.case.custody == "on_hold"
    assert jail.stages[-1][0] == "hold_started"
    assert jail.case.wake_at == WEDNESDAY_5PM


def test_a_second_officer_is_turned_away_like_the_first() -> None:
    jail = with_detainer(decides={"releasable": BOTH, "hold_started": HOLD})
    jail.hears(a_claim(boston("2010-02-13 12:00"))).waits_until("2010-02-14")
    jail.hears(a_claim(boston("2010-02-16 12:00"), 1)).waits_until("2010-02-20")

    assert jail.stages[-2:] == [("hold_expired", WEDNESDAY_5PM), ("released", WEDNESDAY_5PM)]


# Decisions that never came


def test_without_a_decision_at_release_the_person_is_neither_held_nor_handed_over() -> None:
    jail = with_detainer(decides={"detainer_on_file": BOTH})
    jail.hears(a_claim(LODGED_AT)).waits_until("2010-02-20")

    assert jail.stages[-1] == ("released", FRIDAY_5PM)


def test_without_a_decision_during_the_hold_nobody_is_handed_over() -> None:
    jail = with_detainer(decides={"releasable": BOTH})
    jail.hears(a_claim(WEDNESDAY_5PM)).waits_until("2010-02-20")

    assert jail.stages[-1] == ("released", WEDNESDAY_5PM)


# Too late


@pytest.mark.parametrize("late_by", [timedelta(0), timedelta(minutes=1)], ids=["at the release", "after it"])
def test_a_detainer_that_comes_when_the_person_has_left_never_goes_on_file(late_by: timedelta) -> None:
    jail = Jail().hears(a_rap_sheet(), a_detainer(FRIDAY_5PM + late_by)).waits_until("2010-02-20")

    assert jail.stages == []
    assert not jail.case.on_file
    assert jail.case.detainer_at == FRIDAY_5PM + late_by


def test_a_claim_for_somebody_who_has_left_moves_nothing() -> None:
    jail = Jail().hears(a_rap_sheet(), a_detainer(FRIDAY_5PM), a_claim(FRIDAY_5PM)).waits_until("2010-02-20")

    assert jail.stages == []
    assert jail.case.wake_at is None


def test_a_claim_after_the_end_wakes_nobody() -> None:
    jail = with_detainer().waits_until("2010-02-12").hears(a_claim(boston("2010-02-13 09:00")))

    assert jail.case.wake_at is None


# Order of arrival


def test_detainer_and_rap_sheet_yield_the_same_events_in_either_order() -> None:
    rap_sheet, detainer = a_rap_sheet(a_conviction("serious_felony")), a_detainer()

    one, other = Jail().hears(rap_sheet, detainer), Jail().hears(detainer, rap_sheet)

    assert one.emits == other.emits
    assert one.case == other.case
    assert [emit.time for emit in one.emits] == [LODGED_AT]


def test_a_detainer_does_not_go_on_file_before_the_rap_sheet_is_there() -> None:
    assert Jail().hears(a_detainer()).emits == []


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2)])
def test_of_several_claims_the_earliest_counts_in_whatever_order_they_arrive(order: tuple[int, ...]) -> None:
    days = [boston("2010-02-13 12:00"), boston("2010-02-14 12:00"), boston("2010-02-16 12:00")]
    jail = with_detainer(decides={"releasable": BOTH, "hold_started": BOTH})
    jail.hears(*[a_claim(days[number], number) for number in order]).waits_until("2010-02-20")

    assert jail.stages[-1] == ("transferred", days[0])


minutes = st.integers(0, 9 * 24 * 60).map(lambda number: BOOKED_AT + timedelta(minutes=number))
full_hours = st.integers(0, 9 * 24).map(lambda number: BOOKED_AT + timedelta(hours=number))
moments = st.one_of(minutes, full_hours)
plans = st.builds(
    CustodyPlan,
    charge_filed_at=st.none() | moments,
    held_to_answer_at=st.none() | moments,
    bond_posted_at=st.none() | moments,
    disposed_at=st.none() | moments,
    release_at=moments,
)
STAGES = ("detainer_on_file", "charged", "held_to_answer", "bond_posted", "disposed", "releasable", "hold_started")
decisions = st.dictionaries(
    st.sampled_from(STAGES),
    st.fixed_dictionaries({"hold": st.booleans(), "transfer": st.booleans()}),
)
likely_decisions = st.one_of(decisions, st.just(dict.fromkeys(STAGES, BOTH)), st.just(dict.fromkeys(STAGES, HOLD)))
claims = st.dictionaries(st.sampled_from(("at once", *STAGES)), st.lists(moments, max_size=2), max_size=3)
stories = st.fixed_dictionaries(
    {
        "plan": plans,
        "decides": likely_decisions,
        "hours": st.sampled_from([24.0, 48.0, 0.5]),
        "rule": st.sampled_from(["excluding_weekends_and_holidays", "straight"]),
        "claims": claims,
        "lodged_at": moments,
    }
)


some = settings(max_examples=30)


def lived(story: Mapping[str, Any], shuffles: Random | None = None) -> Jail:
    """The story from booking to end, with what arrives between two rounds of the clock in an order of its own."""
    jail = Jail(story["plan"], story["decides"], hours=story["hours"], rule=story["rule"], shuffles=shuffles)
    filed = {
        stage: [a_claim(at, number) for number, at in enumerate(times)] for stage, times in story["claims"].items()
    }
    jail.claims = filed
    jail.hears(a_rap_sheet(a_conviction()), a_detainer(story["lodged_at"]), *filed.get("at once", ()))
    return jail.waits_until("2010-03-05")


@fifty_times
@given(story=stories, shuffles=st.randoms(use_true_random=False))
def test_the_order_of_arrival_between_two_rounds_of_the_clock_never_shows(
    story: Mapping[str, Any], shuffles: Random
) -> None:
    in_order, shuffled = lived(story), lived(story, shuffles)

    assert shuffled.emits == in_order.emits
    assert shuffled.case == in_order.case


@some
@given(story=stories)
def test_every_detainer_on_file_ends_once_and_nothing_is_left_to_wait_for(story: Mapping[str, Any]) -> None:
    jail = lived(story)
    names = [stage for stage, _ in jail.stages]

    assert jail.case.wake_at is None
    if jail.case.on_file:
        assert jail.case.custody in ("transferred", "released")
        assert [name for name in names if name in ("transferred", "released")] == names[-1:]
    else:
        assert names == []


MILESTONES = {
    "charged": "charge_filed_at",
    "held_to_answer": "held_to_answer_at",
    "bond_posted": "bond_posted_at",
    "disposed": "disposed_at",
}


@some
@given(story=stories)
def test_whatever_happens_between_detainer_and_release_is_a_stage_of_its_own(story: Mapping[str, Any]) -> None:
    jail = lived(story)
    planned = {stage: getattr(story["plan"], field) for stage, field in MILESTONES.items()}
    ahead = {
        (stage, at)
        for stage, at in planned.items()
        if at is not None and story["lodged_at"] < at <= story["plan"].release_at
    }

    assert {(stage, at) for stage, at in jail.stages if stage in MILESTONES} == ahead


@some
@given(story=stories)
def test_the_clock_moves_nobody_before_the_day_on_which_it_happens(story: Mapping[str, Any]) -> None:
    jail = lived(story)
    moved_by_the_clock = list(zip(jail.published_by, jail.stages, strict=True))[1:]

    assert all(at < day_ends for day_ends, (_, at) in moved_by_the_clock)


@some
@given(story=stories)
def test_stages_are_told_in_the_order_of_time_and_numbered_without_a_gap(story: Mapping[str, Any]) -> None:
    jail = lived(story)
    times = [at for _, at in jail.stages]

    assert times == sorted(times)
    assert [emit.ordinal for emit in jail.emits] == list(range(len(times)))
    assert [emit.data.sequence for emit in jail.emits] == list(range(len(times)))


@some
@given(story=stories)
def test_what_is_remembered_of_a_case_survives_being_written_and_read(story: Mapping[str, Any]) -> None:
    case = lived(story).case
    assert BookingCase.model_validate_json(case.model_dump_json(exclude_defaults=True)) == case


# What leaves the agency


def test_facts_are_given_at_every_stage_at_which_the_agency_decides_and_at_no_other() -> None:
    plan = a_plan(charge_filed_at=boston("2010-02-11 10:00"))
    jail = with_detainer(plan, {"releasable": HOLD}).waits_until("2010-02-20")

    told = {emit.data.stage: emit.data.facts is not None for emit in jail.emits}
    assert told == {
        "detainer_on_file": True,
        "charged": True,
        "releasable": True,
        "hold_started": True,
        "hold_expired": False,
        "released": False,
    }


def test_a_transfer_tells_ice_of_custody_and_nothing_of_the_agencys_own_facts() -> None:
    jail = with_detainer(decides={"releasable": TRANSFER}).hears(a_claim(FRIDAY_5PM)).waits_until("2010-02-12")

    assert [row.categories for row in jail.last.disclosures if row.recipient == "ICE"] == [("custody",)]
    assert jail.last.facts is None
    assert jail.last.release_expected_at is None


def test_no_other_stage_discloses_anything() -> None:
    jail = with_detainer(decides={"releasable": HOLD}).waits_until("2010-02-20")

    assert {emit.data.stage: emit.data.disclosures for emit in jail.emits if emit.data.disclosures} == {}


def test_an_outcome_is_kept_where_the_agency_is_told_of_it() -> None:
    event = an_event(OutcomeRecorded(outcome="removed", disclosures=()), source="ICE")
    assert handlers.on_outcome(event, a_booking(), HARBOR).case.outcome == "removed"


# The facts that a policy asks about


def facts_of(at: datetime = FRIDAY_5PM, *convictions: Any, **changes: Any) -> Mapping[str, Any]:
    identification = a_rap_sheet(*convictions).data
    return policy_facts(a_booking(identification=identification, **changes), at, HARBOR)


NOON = boston("2010-02-11 12:00")


@pytest.mark.parametrize(
    ("fact", "value", "changes"),
    [
        ("charge", "serious_felony", {"charge": a_charge("serious_felony")}),
        ("charge_is_domestic_violence", True, {"charge": a_charge(domestic_violence=True)}),
        ("charge_is_domestic_violence", False, {}),
        ("charge_is_minor_traffic", True, {"charge": a_charge("infraction", minor_traffic=True)}),
        ("charge_is_minor_traffic", False, {}),
        ("lawful_status_proof", True, {"papers": {"lawful_status_proof": True}}),
        ("lawful_status_proof", False, {}),
        ("request_form", "I-247D", {"detainer_form": "I-247D"}),
        ("request_form", "I-247", {}),
    ],
)
def test_a_fact_is_what_the_agency_knows(fact: str, value: object, changes: Mapping[str, Any]) -> None:
    assert facts_of(**changes)[fact] == value


@pytest.mark.parametrize(
    ("fact", "planned"),
    [
        ("charge_filed", "charge_filed_at"),
        ("held_to_answer", "held_to_answer_at"),
        ("bond_posted", "bond_posted_at"),
    ],
)
def test_what_the_court_does_is_a_fact_from_that_moment_on(fact: str, planned: str) -> None:
    plan = a_plan(**{planned: NOON})

    assert not facts_of(NOON - timedelta(seconds=1), plan=plan)[fact]
    assert facts_of(NOON, plan=plan)[fact]
    assert not facts_of(NOON, plan=a_plan())[fact]


@pytest.mark.parametrize(
    ("convicted_on", "years"),
    [
        pytest.param(date(2005, 2, 12), 5, id="on the anniversary"),
        pytest.param(date(2005, 2, 13), 5, id="a day before it"),
        pytest.param(date(2005, 2, 11), 6, id="a day after it"),
        pytest.param(date(2010, 2, 12), 0, id="today"),
        pytest.param(date(2010, 2, 11), 1, id="yesterday"),
        pytest.param(date(2010, 2, 13), 0, id="tomorrow, by a clerk's mistake"),
        pytest.param(date(1920, 7, 1), 80, id="longer ago than the vocabulary counts"),
    ],
)
def test_the_age_of_a_conviction_is_rounded_up_to_whole_years(convicted_on: date, years: int) -> None:
    assert facts_of(FRIDAY_5PM, a_conviction("felony", convicted_on))["years_since_felony"] == years


@pytest.mark.parametrize(
    ("today", "years"),
    [
        pytest.param("2009-02-28", 1, id="on 28 February the year is not over"),
        pytest.param("2009-03-01", 2, id="on 1 March it is"),
        pytest.param("2012-02-28", 4, id="the day before the fourth anniversary"),
        pytest.param("2012-02-29", 4, id="on the leap day itself"),
        pytest.param("2012-03-01", 5, id="the day after it"),
    ],
)
def test_a_conviction_on_a_leap_day_ages_like_any_other(today: str, years: int) -> None:
    at = boston(f"{today} 12:00")
    assert facts_of(at, a_conviction("felony", date(2008, 2, 29)))["years_since_felony"] == years


def test_the_day_on_which_a_conviction_ages_is_that_of_the_place() -> None:
    conviction = a_conviction("felony", date(2005, 2, 12))
    late_on_friday = datetime(2010, 2, 13, 4, 30, tzinfo=UTC)

    assert facts_of(late_on_friday, conviction)["years_since_felony"] == 5


OF_ANY_FELONY = {"years_since_felony", "years_since_state_prison_felony", "years_since_listed_felony"}


@pytest.mark.parametrize(
    ("offense_class", "counted_in"),
    [
        ("serious_felony", {"years_since_serious_felony", *OF_ANY_FELONY}),
        ("felony", OF_ANY_FELONY),
        ("listed_misdemeanor", {"years_since_listed_misdemeanor", "years_since_misdemeanor"}),
        ("misdemeanor", {"years_since_misdemeanor"}),
    ],
)
def test_a_conviction_counts_in_every_class_that_holds_it(offense_class: str, counted_in: set[str]) -> None:
    facts = facts_of(FRIDAY_5PM, a_conviction(offense_class))
    assert {fact for fact in facts if fact.startswith("years_since")} == counted_in


def test_of_several_convictions_the_latest_gives_the_age() -> None:
    convictions = [a_conviction("felony", date(year, 6, 1)) for year in (1999, 2008, 2003)]
    assert facts_of(FRIDAY_5PM, *convictions)["years_since_felony"] == 2


def test_release_counts_from_the_sentence_for_the_gravest_conviction() -> None:
    lesser = a_conviction("misdemeanor", date(2009, 1, 5), released_on=date(2009, 6, 1))
    grave = a_conviction("felony", date(1999, 6, 1), released_on=date(2003, 6, 1))

    assert facts_of(FRIDAY_5PM, lesser, grave)["years_since_release"] == 7
    assert "years_since_release" not in facts_of(FRIDAY_5PM, lesser, a_conviction("felony", date(1999, 6, 1)))


def test_a_homicide_is_known_by_its_code() -> None:
    assert facts_of(FRIDAY_5PM, a_conviction("serious_felony", ncic="0911"))["homicide_conviction"] is True
    assert facts_of(FRIDAY_5PM, a_conviction("serious_felony", ncic="1299"))["homicide_conviction"] is False


def test_without_a_conviction_there_is_no_age_and_the_policy_assumes_never() -> None:
    assert not [fact for fact in facts_of() if fact.startswith("years_since")]


def test_one_aggravated_felony_among_several_convictions_is_enough() -> None:
    plain, aggravated = a_conviction(), a_conviction("serious_felony", aggravated_felony=True)

    assert facts_of(FRIDAY_5PM, plain, aggravated)["federal_aggravated_felony"] is True
    assert facts_of(FRIDAY_5PM, plain)["federal_aggravated_felony"] is False


def test_what_is_true_of_the_place_is_a_fact_of_every_case_in_it() -> None:
    facts = policy_facts(a_booking(), FRIDAY_5PM, the_place(written_reimbursement_agreement=True))
    assert facts["written_reimbursement_agreement"] is True


VOCABULARY = the_vocabulary()
convictions = st.builds(
    a_conviction,
    offense_class=st.sampled_from(["misdemeanor", "listed_misdemeanor", "felony", "serious_felony"]),
    convicted_on=st.dates(date(1900, 1, 1), date(2011, 1, 1)),
    aggravated_felony=st.booleans(),
)


@fifty_times
@given(
    rap_sheet=st.lists(convictions, max_size=4),
    charge=st.sampled_from(["infraction", "misdemeanor", "felony", "serious_felony"]),
    plan=plans,
    at=moments,
)
def test_every_fact_that_the_agency_states_is_one_that_policies_know(
    rap_sheet: list[Any], charge: str, plan: CustodyPlan, at: datetime
) -> None:
    facts = facts_of(at, *rap_sheet, charge=a_charge(charge), plan=plan)
    assert dict(VOCABULARY.canonical(facts)) == facts
