"""The engine without streams says what the services say: event for event, whatever the policy and the capacity."""

import multiprocessing
from collections import Counter
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic_core import from_json, to_json

from sandbox.in_process import MATCH, NO_ROW, SEARCHED, InProcessResult, Progress, run, run_in_process
from sandbox.in_process.days import opened
from sandbox.in_process.pool import worked
from sandbox.in_process.routes import DAY_CLOSED, DAY_ENDED, EACH, SUBMITTED
from sandbox.in_process.searches import enrolling_of
from sandbox.in_process.shards import Order, search
from sandbox.population import bookings, people
from sandbox.scenario import Scenario, in_days, load_scenario, resolve, with_gallery_rows
from services.booking.events import BookingRequest, RunSettings
from services.chassis.delivery.stages import BatchStage, CaseStage, DueStage
from services.chassis.errors import InteropError
from services.chassis.policy import PolicyError
from services.chassis.service import Service
from tests.contract.house import House, Raw

RUN = "heron-2008"
SEED = 41
BOOKINGS = 160


def a_scenario(capacity: float | None = None, *, feedback: bool = False) -> Scenario:
    """Three weeks in which nearly half of the people are in IDENT, so that there are many detainers."""
    boston = in_days(load_scenario("boston-2008-2010"), date(2008, 10, 27), date(2008, 11, 16))
    changes = {
        "people": boston.people.model_copy(update={"in_ident": 0.4}),
        "capacity_per_day": dict.fromkeys(boston.capacity_per_day, capacity),
        "pickup": boston.pickup.model_copy(update={"told_rate": {"otherwise": 0.45}}),
        "feedback": feedback,
    }
    return boston.model_copy(update=changes)


def in_the_house(services: Mapping[str, Service], scenario: Scenario, settings: RunSettings) -> list[Raw]:
    """What the services themselves say of the same people."""
    house, zone = House(services, RUN, settings), ZoneInfo(settings.time_zone)
    for body in bookings(scenario, SEED, BOOKINGS):
        request = BookingRequest.model_validate_json(to_json(body))
        while house._day < datetime.fromisoformat(body["booked_at"]).astimezone(zone).date():
            house._close_day()
        house.book(request)
    return house.finish()


def in_process(scenario: Scenario, settings: RunSettings, **options: Any) -> tuple[list[Raw], InProcessResult]:
    heard: list[Raw] = []

    def hear(body: bytes) -> None:
        heard.append(from_json(body))

    options = {"workers": 0, "on_event": hear, **options}
    return heard, run_in_process(scenario, settings, RUN, SEED, BOOKINGS, **options)


def by_id(events: list[Raw]) -> dict[str, Raw]:
    assert len({event["id"] for event in events}) == len(events)
    return {event["id"]: event for event in events}


# What is said


@pytest.mark.parametrize(
    ("policy", "regime", "capacity", "feedback"),
    [
        ("us-full-cooperation", None, None, True),
        ("us-full-cooperation", "by-date", 1, False),
        ("us-ca-trust-act-2014", "ice-r0-all", None, False),
        ("us-il-cook-2011", "ice-r2-morton-2010", 0.6, True),
    ],
)
def test_every_event_is_the_one_that_the_services_publish(
    services: Mapping[str, Service], policy: str, regime: str | None, capacity: float | None, feedback: bool
) -> None:
    scenario = a_scenario(capacity, feedback=feedback)
    settings = resolve(scenario, seed=SEED, policy=policy, regime=regime)

    heard, _ = in_process(scenario, settings)

    assert by_id(heard) == by_id(in_the_house(services, scenario, settings))


@pytest.mark.parametrize("retain_no_match", [True, False], ids=["IDENT keeps arrests", "IDENT keeps none"])
def test_every_event_is_the_same_where_people_are_booked_over_and_over(
    services: Mapping[str, Service], retain_no_match: bool
) -> None:
    small = with_gallery_rows(a_scenario(), 60)
    galleries = small.galleries.model_copy(update={"retain_no_match": retain_no_match})
    scenario = small.model_copy(update={"galleries": galleries})
    settings = resolve(scenario, seed=SEED)

    heard, listened = in_process(scenario, settings)
    _, unheard = in_process(scenario, settings, on_event=None)

    assert by_id(heard) == by_id(in_the_house(services, scenario, settings))
    assert (unheard.disclosures, unheard.said) == (listened.disclosures, listened.said)
    assert unheard.searched.tolist() == listened.searched.tolist()
    assert (unheard.iafis_known >= 0).any()
    encounters = Counter(unheard.searched.tolist())[SEARCHED.index("known_encounter")]
    assert (encounters > 10) is retain_no_match


SHARING = (
    "proposal-patrick-2011",
    "proposal-latimes-opt-out-2011",
    "proposal-menino-2011-sharing",
    "counterfactual-cite-or-book",
    "counterfactual-print-felonies-only",
)


@pytest.mark.parametrize("sharing", SHARING)
def test_every_event_is_the_same_however_far_prints_go(services: Mapping[str, Service], sharing: str) -> None:
    scenario = a_scenario()
    settings = resolve(scenario, seed=SEED, sharing=sharing)

    heard, listened = in_process(scenario, settings)
    _, unheard = in_process(scenario, settings, on_event=None)

    assert by_id(heard) == by_id(in_the_house(services, scenario, settings))
    assert (unheard.disclosures, unheard.said) == (listened.disclosures, listened.said)
    assert unheard.searched.tolist() == listened.searched.tolist()


@pytest.mark.parametrize(
    ("sharing", "searched"),
    [
        pytest.param("us-sharing-2008", {"misdemeanor", "felony", "serious_felony"}, id="everything, as it was"),
        pytest.param("proposal-menino-2011-sharing", {"serious_felony"}, id="the serious side only"),
        pytest.param("proposal-patrick-2011", set(), id="nothing"),
        pytest.param("proposal-latimes-opt-out-2011", set(), id="nothing, where no place has opted in"),
        pytest.param("counterfactual-print-felonies-only", {"felony", "serious_felony"}, id="what is printed"),
    ],
)
def test_dhs_is_asked_about_those_alone_whose_prints_are_relayed(sharing: str, searched: set[str]) -> None:
    scenario = a_scenario()
    heard, _ = in_process(scenario, resolve(scenario, seed=SEED, sharing=sharing))
    asked = {event["tcn"] for event in heard if event["type"] == "immigration.searched.v1"}

    booked = [event for event in heard if event["type"] == "booking.recorded.v1"]

    assert {event["data"]["charge"]["offense_class"] for event in booked if event["tcn"] in asked} == searched


def test_a_place_that_has_opted_in_is_shared() -> None:
    scenario = a_scenario()
    joined, _ = scenario.agencies
    agency = scenario.agencies[joined].model_copy(update={"facts": {"place_opted_in": True}})
    scenario = scenario.model_copy(update={"agencies": {**scenario.agencies, joined: agency}})

    heard, _ = in_process(scenario, resolve(scenario, seed=SEED, sharing="proposal-latimes-opt-out-2011"))

    searched = [event["subject"] for event in heard if event["type"] == "immigration.searched.v1"]
    assert {subject.partition("/")[0] for subject in searched} == {joined}


def test_a_capacity_that_binds_leaves_people_without_a_detainer() -> None:
    scenario = a_scenario(capacity=1)
    heard, _ = in_process(scenario, resolve(scenario, seed=SEED))
    reasons = Counter(event["data"]["reason"] for event in heard if event["type"] == "detainer.decided.v1")
    assert reasons["no_capacity"] > 0
    assert reasons["priority"] > 0


# What is told of a run to which nobody listens


def test_matched_cases_come_whole_when_they_have_ended_and_no_others_do() -> None:
    scenario = a_scenario()
    settings = resolve(scenario, seed=SEED)
    heard, _ = in_process(scenario, settings)
    told: dict[int, list[Raw]] = {}

    _, result = in_process(scenario, settings, on_event=None, on_case=told.__setitem__)

    matched = {event["subject"] for event in heard if event["type"] == "immigration.status.returned.v1"}
    expected = [event for event in heard if event["subject"] in matched]
    assert by_id([event for events in told.values() for event in events]) == by_id(expected)
    assert sorted(told) == [number for number, answer in enumerate(result.searched) if answer == MATCH]


def test_the_columns_say_of_everybody_what_the_events_say() -> None:
    scenario = a_scenario()
    settings = resolve(scenario, seed=SEED)
    heard, _ = in_process(scenario, settings)
    _, result = in_process(scenario, settings, on_event=None)

    order = [event["subject"] for event in heard if event["type"] == "booking.recorded.v1"]
    searched = {event["subject"]: event["data"] for event in heard if event["type"] == "immigration.searched.v1"}
    returned = {event["subject"]: event["data"] for event in heard if event["type"] == "identification.returned.v1"}
    assert [SEARCHED[answer] for answer in result.searched] == [searched[subject]["result"] for subject in order]
    assert [row != NO_ROW for row in result.ident_row] == [searched[subject]["result"] == "match" for subject in order]
    assert list(result.identified) == [returned[subject]["srf"] == "I" for subject in order]


def test_disclosures_and_events_are_counted_also_for_those_whose_events_are_not_made() -> None:
    scenario = a_scenario(feedback=True)
    settings = resolve(scenario, seed=SEED)
    heard, listened = in_process(scenario, settings)
    _, result = in_process(scenario, settings, on_event=None)

    rows = [row for event in heard for row in event["data"]["disclosures"]]
    expected = Counter((row["from"], row["to"], tuple(sorted(row["categories"]))) for row in rows)
    assert result.disclosures == listened.disclosures == expected
    assert result.said == listened.said == Counter(event["type"] for event in heard)


def test_cases_that_go_on_apart_say_what_they_say_under_one_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    scenario = a_scenario(feedback=True)
    settings = resolve(scenario, seed=SEED)
    together, listened = in_process(scenario, settings)
    matched = {event["subject"] for event in together if event["type"] == "immigration.status.returned.v1"}
    told: list[Raw] = []
    monkeypatch.setattr(run, "SHARD", 35)

    _, apart = in_process(scenario, settings, on_event=None, on_case=lambda _, events: told.extend(events))

    assert by_id(told) == by_id([event for event in together if event["subject"] in matched])
    assert (apart.said, apart.last_day) == (listened.said, listened.last_day)


def test_shards_and_processes_make_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    scenario = a_scenario(capacity=1)
    settings = resolve(scenario, seed=SEED)
    alone, _ = in_process(scenario, settings)

    monkeypatch.setattr(run, "SHARD", 35)
    in_shards, _ = in_process(scenario, settings)
    by_others, _ = in_process(scenario, settings, workers=2)

    assert in_shards == alone
    assert by_others == alone


def test_what_is_refused_in_another_process_is_refused_here() -> None:
    scenario = a_scenario()
    settings = resolve(scenario, seed=SEED)
    spoilt = settings.model_copy(update={"detainer": settings.detainer.model_copy(update={"text": "nonsense"})})
    order = Order(
        opened(RUN, spoilt), RUN, scenario, SEED, BOOKINGS, 0, BOOKINGS, "exhaustive", everything=False, apart=False
    )

    with pytest.raises(PolicyError) as here:
        search(order)
    with pytest.raises(InteropError) as elsewhere:
        list(worked([order, order], enrolling_of(order.opened, order.search), workers=1))

    assert (elsewhere.value.code, elsewhere.value.sentence) == (here.value.code, here.value.sentence)


def test_whoever_gives_up_on_a_run_leaves_no_process_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    scenario = a_scenario()
    monkeypatch.setattr(run, "SHARD", 35)

    def give_up(_: Progress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        in_process(scenario, resolve(scenario, seed=SEED), workers=1, on_progress=give_up)

    assert multiprocessing.active_children() == []


def test_whoever_knows_the_people_finds_their_own_rows_without_a_search() -> None:
    scenario = a_scenario()
    settings = resolve(scenario, seed=SEED)
    _, searched = in_process(scenario, settings)
    _, known = in_process(scenario, settings, search="mates")

    own_row = people(scenario, SEED, BOOKINGS).ident_row
    of_mates = searched.ident_row == own_row
    assert of_mates.mean() > 0.99
    assert (known.ident_row == searched.ident_row)[of_mates].all()


def test_a_run_of_nobody_opens_and_closes_its_first_day() -> None:
    scenario = a_scenario()
    settings = resolve(scenario, seed=SEED)
    heard: list[bytes] = []
    result = run_in_process(scenario, settings, RUN, SEED, 0, workers=0, on_event=heard.append)
    assert [from_json(body)["type"] for body in heard] == ["run.opened.v1", "day.closed.v1"]
    assert len(result.searched) == 0


# Who reads what


def test_the_routes_are_the_services_own_wiring(services: Mapping[str, Service]) -> None:
    stages = [stage for service in services.values() for stage in service.stages]
    wired = {
        (stage.event_type, stage.group.name, stage.group.party, stage.model, stage.handler)
        for stage in stages
        if isinstance(stage, CaseStage | DueStage)
    }
    routed = {
        (route.event_type, route.desk.group, route.desk.party, route.reads, route.handler)
        for route in (*EACH, DAY_ENDED, DAY_CLOSED)
    }
    assert routed == wired
    searches = [stage for stage in stages if isinstance(stage, BatchStage)]
    assert [
        (stage.event_type, stage.group.name, stage.group.party, stage.model, stage.decide) for stage in searches
    ] == [(SUBMITTED.event_type, SUBMITTED.desk.group, SUBMITTED.desk.party, SUBMITTED.reads, SUBMITTED.handler)]
