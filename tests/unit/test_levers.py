"""Levers that are no law: how a command names them, and what a scenario makes of them."""

import pytest

from sandbox.runs import Request, scenario_of
from sandbox.scenario import load_scenario
from sandbox.scenario.levers import as_told, in_words, standing, with_levers
from services.chassis.errors import InteropError

BOSTON = load_scenario("boston-2008-2010")
NATION = load_scenario("us-2008-2011")


def test_a_number_alone_is_for_all_and_a_name_for_one() -> None:
    levers = as_told(NATION, capacity=["40", "western=none"], pickup=["0.5", "untold=0.1"], discretion=["hold=0.2"])

    assert levers == {
        "capacity_per_day.eastern": 40,
        "capacity_per_day.central": 40,
        "capacity_per_day.western": None,
        "pickup.told_rate.otherwise": 0.5,
        "pickup.untold_rate": 0.1,
        "discretion.hold": 0.2,
    }


def test_a_scenario_takes_the_levers_and_stays_as_it_is_in_all_else() -> None:
    levers = as_told(BOSTON, capacity=["2"], pickup=["level_2=0.9"], discretion=["0.5"], fpir=0.001)

    changed = with_levers(BOSTON, levers)

    stands = standing(changed)
    assert {place: stands[place] for place in levers} == levers
    assert changed.people == BOSTON.people
    assert changed.pickup.told_rate["level_1"] == BOSTON.pickup.told_rate["level_1"]


@pytest.mark.parametrize(
    ("options", "refusal"),
    [
        ({"discretion": ["hol=0.5"]}, "unknown-lever: --discretion 'hol'. Did you mean 'hold'?"),
        ({"capacity": ["east=1"]}, "unknown-lever: --capacity 'east'"),
        ({"pickup": ["otherwise=often"]}, "bad-lever: --pickup 'otherwise=often': give a number"),
        ({"discretion": ["none"]}, "bad-lever: 'discretion.ask_status' cannot be 'none'"),
        ({"capacity": ["inf"]}, "bad-lever: --capacity 'inf'"),
        ({"discretion": ["hold=1.5"]}, "bad-lever: 'discretion.hold' cannot be 1.5"),
        ({"fpir": 0.0}, "bad-lever: 'galleries.fpir' cannot be 0"),
        ({"matcher": ["presets=ident-2004"]}, "unknown-lever: --matcher 'presets'. Did you mean 'preset'?"),
        ({"matcher": ["rows=5"]}, "unknown-lever: --matcher 'rows'. There are: preset, ident_fingers,"),
        ({"matcher": ["preset"]}, "bad-lever: --matcher 'preset': give preset=VALUE"),
        ({"matcher": ["preset=ident-2005"]}, "bad-lever: 'galleries.preset' cannot be ident-2005"),
        ({"matcher": ["ident_fingers=3"]}, "bad-lever: 'galleries.ident_fingers' cannot be 3"),
    ],
)
def test_a_lever_that_cannot_stand_so_is_refused_in_a_sentence(options: dict[str, list[str]], refusal: str) -> None:
    with pytest.raises(InteropError) as refused:
        with_levers(BOSTON, as_told(BOSTON, **options))
    assert str(refused.value).startswith(refusal)


def test_levers_that_are_set_are_told_in_words() -> None:
    told = in_words(as_told(BOSTON, capacity=["none"], pickup=["level_1=0.4", "untold=0.1"], fpir=0.001))

    assert told == [
        "detainers that the office 'eastern' can lodge in a day: no limit",
        "share for whom ICE comes, told of the release, level 1: 0.4",
        "share for whom ICE comes without having been told: 0.1",
        "share of searches for a stranger that may return somebody: 0.001",
    ]


def test_the_matcher_stands_as_it_is_told() -> None:
    levers = as_told(NATION, matcher=["preset=ident-2004", "ident_fingers=2", "contaminated_share=0.01"])

    galleries = with_levers(NATION, levers).galleries

    assert (galleries.preset, galleries.ident_fingers, galleries.contaminated_share) == ("ident-2004", 2, 0.01)
    assert in_words(levers) == [
        "how good prints are: ident-2004",
        "fingers on which IDENT is searched: 2",
        "share of records with fingers of another card: 0.01",
    ]


def test_nothing_is_held_against_figures_that_were_published_about_other_levers() -> None:
    request = Request("boston-2008-2010", 1_000, 1, levers={"discretion.hold": 0.5})

    assert not request.as_published
    assert scenario_of(request).discretion.hold == 0.5
