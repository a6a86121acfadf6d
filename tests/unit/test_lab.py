"""The lab is the pipeline: case by case, its columns say what the services' own handlers say."""

from functools import cache

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from sandbox.from_events import Fold
from sandbox.in_process import run_in_process
from sandbox.lab.flow import simulate
from sandbox.population import people
from sandbox.results import Results
from sandbox.scenario import Scenario, load_scenario, resolve
from tests.unit.policy_files import policy_ids, the_policy, the_vocabulary

BOOKINGS = 4_000
SEED = 1952


@cache
def boston(explanation: str | None = None, limit: float | None = None) -> Scenario:
    """Boston, with many more matches than it had, so that every kind of case occurs."""
    scenario = load_scenario("boston-2008-2010", explanation)
    crowd = scenario.people.model_copy(update={"in_ident": 0.5})
    return scenario.model_copy(
        update={"people": crowd, "capacity_per_day": dict.fromkeys(scenario.capacity_per_day, limit)}
    )


@cache
def nation() -> Scenario:
    scenario = load_scenario("us-2008-2011")
    return scenario.model_copy(update={"people": scenario.people.model_copy(update={"in_ident": 0.5})})


@cache
def conditions_met() -> Scenario:
    """A crowd at agencies of which one has what many laws ask for, so that their grounds decide."""
    scenario = boston()
    oris = list(scenario.agencies)
    agreeing = scenario.agencies[oris[0]].model_copy(update={"facts": {"written_reimbursement_agreement": True}})
    return scenario.model_copy(update={"agencies": {**scenario.agencies, oris[0]: agreeing}})


def by_the_services(scenario: Scenario, count: int = BOOKINGS, **policies: str | None) -> Results:
    settings = resolve(scenario, seed=SEED, bookings=count, **policies)
    fold = Fold()

    def tell(_: int, events: list) -> None:
        for event in events:
            fold.add(event)

    run = run_in_process(scenario, settings, "lab", SEED, count, workers=0, search="mates", on_case=tell)
    crowd = people(scenario, SEED, count)
    fold.add_answers(crowd.numbers, run.handled, run.iafis_row, run.iafis_known, run.searched)
    return fold.results(crowd)


def by_the_lab(scenario: Scenario, count: int = BOOKINGS, **policies: str | None) -> Results:
    settings = resolve(scenario, seed=SEED, bookings=count, **policies)
    return simulate(people(scenario, SEED, count), settings)


CASES = {
    "everybody is held and announced": (boston, None),
    "the TRUST Act asks for convictions and findings at each stage": (boston, "us-ca-trust-act-2014"),
    "the county declines everything without reimbursement": (boston, "us-il-cook-2011"),
    "the regime changes and the clocks differ": (nation, None),
    "the offices have room for some of them": (lambda: boston(limit=20.0), None),
    "people without a level are left out": (lambda: boston("level_left_out"), "us-ca-trust-act-2014"),
}


@pytest.mark.parametrize("case", CASES)
def test_the_lab_and_the_services_agree_on_every_case(case: str) -> None:
    make, policy = CASES[case]

    services, lab = by_the_services(make(), policy=policy), by_the_lab(make(), policy=policy)

    assert lab.cases.height > 1_000
    assert_frame_equal(lab.bookings.sort("number"), services.bookings.sort("number"))
    assert_frame_equal(lab.cases.sort("number"), services.cases.sort("number"))


@pytest.mark.parametrize("regime", ["ice-r3-detainer-2012", "ice-r4-pep-2014", "proposal-hsac-2011"])
def test_the_lab_and_the_services_agree_under_regimes_that_ask_for_the_offence(regime: str) -> None:
    services, lab = by_the_services(boston(), regime=regime), by_the_lab(boston(), regime=regime)

    assert set(lab.cases["decided"]) == {"lodged", "no_priority"}
    assert_frame_equal(lab.cases.sort("number"), services.cases.sort("number"))


@pytest.mark.parametrize(
    ("sharing", "matches"),
    [
        pytest.param("counterfactual-cite-or-book", 500, id="people are cited, but for domestic violence"),
        pytest.param("counterfactual-print-felonies-only", 200, id="prints of misdemeanors are kept"),
        pytest.param("proposal-menino-2011-sharing", 100, id="only the serious side is relayed"),
        pytest.param("proposal-patrick-2011", 0, id="nothing is relayed"),
    ],
)
def test_the_lab_and_the_services_agree_on_whose_prints_go_how_far(sharing: str, matches: int) -> None:
    services, lab = by_the_services(boston(), sharing=sharing), by_the_lab(boston(), sharing=sharing)

    assert lab.cases.height >= matches
    assert lab.bookings["searched"].null_count() > 0
    assert_frame_equal(lab.bookings.sort("number"), services.bookings.sort("number"))
    assert_frame_equal(lab.cases.sort("number"), services.cases.sort("number"))


@pytest.mark.parametrize("policy", policy_ids())
def test_the_lab_and_the_services_agree_under_every_policy_of_the_catalogue(policy: str) -> None:
    question = {"detainer": "policy", "ice_priority": "regime", "sharing": "sharing"}[
        the_policy(policy, the_vocabulary()).question.name
    ]

    services = by_the_services(conditions_met(), 1_000, **{question: policy})
    lab = by_the_lab(conditions_met(), 1_000, **{question: policy})

    assert_frame_equal(lab.cases.sort("number"), services.cases.sort("number"))


def test_a_search_of_those_on_file_alone_finds_the_same_matches() -> None:
    scenario = boston()
    settings = resolve(scenario, seed=SEED, bookings=BOOKINGS)
    crowd = people(scenario, SEED, BOOKINGS)

    everybody, on_file = simulate(crowd, settings), simulate(crowd, settings, only_on_file=True)

    assert_frame_equal(everybody.cases.filter(~pl.col("false_match")), on_file.cases)


def test_the_same_seed_gives_the_same_results() -> None:
    assert by_the_lab(boston()).cases.equals(by_the_lab(boston()).cases)
