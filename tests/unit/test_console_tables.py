"""What decides in a browser decides as the services do: decide.js under node against Python, cell by cell."""

import json
import random
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from console.pages import HERE as CONSOLE
from console.tables import decision_tables, detainer_policies, policy_as_data
from services.chassis.errors import InteropError
from services.chassis.policy import Decision, Policy, StackDecision, Value, decide, load_policy, stack_in_force
from services.chassis.policy.vocabulary import spell
from tests.unit.policy_files import policy_ids, the_policy, the_vocabulary
from tests.unit.test_policy_cedar import EVERY_TEST

VOCABULARY = the_vocabulary()
CATALOGUE = [the_policy(identity, VOCABULARY) for identity in policy_ids()]
POLICIES = {policy.id: policy for policy in detainer_policies(CATALOGUE)}
TABLES = decision_tables(CATALOGUE, VOCABULARY)

DECIDE_MANY = Path(__file__).with_name("decide_many.mjs")
DECIDE = CONSOLE / "static" / "decide.js"
RANDOM_CASES = 60
RANDOM_STACKS = 600

Facts = Mapping[str, Value | None]


def in_the_browser(asked: Sequence[Mapping[str, Any]], tables: Mapping[str, Any] = TABLES) -> list[dict[str, Any]]:
    """What decide.js answers under node."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("there is no node here to run decide.js with; the browser tests run it in Chromium")
    told = json.dumps({"tables": tables, "asked": asked})
    # Nothing but this repository's own files is run.
    done = subprocess.run(
        [node, DECIDE_MANY, DECIDE], input=told, capture_output=True, text=True, check=True, timeout=60
    )
    answers: list[dict[str, Any]] = json.loads(done.stdout)
    return answers


def boundary_cases(policy: Policy) -> Iterator[dict[str, Value]]:
    """A case in every cell of the policy's table, by turns at one end and the other of each class of values."""
    for number, classes in enumerate(product(*policy.table.classes)):
        yield {
            name: found.values[-1 if (number + place) % 2 else 0]
            for place, (name, found) in enumerate(zip(policy.reads, classes, strict=True))
        }


def a_random_case(draw: random.Random, names: Sequence[str]) -> dict[str, Value | None]:
    """Some facts, as programs hand them over: left out, null, yes and no as words or as booleans."""
    case: dict[str, Value | None] = {}
    for name in names:
        if draw.random() < 0.6:
            value = draw.choice(VOCABULARY.facts[name].domain)
            case[name] = draw.choice([value, value, spell(value) if isinstance(value, bool) else value, None])
    return case


def in_short(decision: Decision) -> dict[str, Any]:
    """A decision as `decide_many.mjs` writes it."""
    return {
        "policy": decision.policy,
        "levers": {
            lever: [
                answer,
                [reason.clause for reason in decision.because if lever in reason.levers],
                [[clause.clause, clause.by] for clause in decision.set_aside if lever in clause.levers],
            ]
            for lever, answer in decision.answers.items()
        },
        "read": dict(decision.facts_read),
        "assumed": list(decision.assumed),
    }


def stack_in_short(decision: StackDecision) -> dict[str, Any]:
    return {
        "place": decision.place,
        "day": decision.on.isoformat(),
        "custodian": decision.custodian,
        "layers": [layer.policy for layer in decision.layers],
        "levers": {
            lever: {
                "answer": settled.answer,
                "by": settled.by.policy if settled.by else None,
                "displaced": [{"policy": said.policy, "answer": said.answer} for said in settled.displaced],
            }
            for lever, settled in decision.levers.items()
        },
    }


def disagreements(policies: Mapping[str, Policy], asked: Sequence[tuple[str, Facts]]) -> list[Any]:
    tables = TABLES | {"policies": [policy_as_data(policy) for policy in policies.values()]}
    answers = in_the_browser([{"policy": identity, "facts": facts} for identity, facts in asked], tables)
    ours = [in_short(decide(policies[identity], facts)) for identity, facts in asked]
    return [
        (identity, facts, our, browser)
        for (identity, facts), our, browser in zip(asked, ours, answers, strict=True)
        if our != browser
    ]


def test_the_browser_decides_every_cell_of_every_policy_by_the_same_clauses() -> None:
    asked = [(identity, case) for identity, policy in POLICIES.items() for case in boundary_cases(policy)]
    assert len(asked) > 2 * len(POLICIES)
    assert disagreements(POLICIES, asked) == []


def test_the_browser_decides_cases_told_in_any_form_and_with_gaps_alike() -> None:
    draw = random.Random(6)
    every = list(VOCABULARY.facts)
    asked = [
        (identity, a_random_case(draw, names))
        for identity, policy in POLICIES.items()
        for _ in range(RANDOM_CASES)
        for names in (policy.reads, every)
    ]
    assert disagreements(POLICIES, asked) == []


def test_the_browser_knows_every_kind_of_test_and_who_gives_way() -> None:
    policy = load_policy(EVERY_TEST, "example.yaml", VOCABULARY)
    asked = [(policy.id, case) for case in boundary_cases(policy)]
    assert disagreements({policy.id: policy}, asked) == []


def test_the_browser_hears_the_law_of_a_place_from_the_top() -> None:
    draw = random.Random(7)
    places = sorted({policy.place for policy in POLICIES.values()})
    asked: list[tuple[str, date, Facts]] = [
        (draw.choice(places), date(2010, 1, 1) + timedelta(days=draw.randrange(6000)), a_random_case(draw, every))
        for every in [list(VOCABULARY.facts)] * RANDOM_STACKS
    ]
    answers = in_the_browser([{"place": place, "day": day.isoformat(), "facts": facts} for place, day, facts in asked])
    decided = 0
    for (place, day, facts), browser in zip(asked, answers, strict=True):
        stack = stack_in_force(POLICIES.values(), place, day, VOCABULARY)
        # The services refuse where no policy binds the custodian; here that is a law without layers.
        if browser["layers"]:
            assert browser == stack_in_short(stack.decide(facts))
            decided += 1
        else:
            with pytest.raises(InteropError, match="no enacted policy"):
                stack.decide(facts)
    assert decided > RANDOM_STACKS / 3


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        ({"charge": "felny"}, "unknown-value"),
        ({"charges": "felony"}, "unknown-fact"),
        ({"years_since_felony": 81}, "unknown-value"),
        ({"years_since_felony": True}, "unknown-value"),
        ({"crimes_over_one_year": "never"}, "unknown-value"),
        ({"registry": 1}, "unknown-value"),
    ],
)
def test_the_browser_refuses_a_case_that_the_services_refuse(facts: dict[str, Value], code: str) -> None:
    with pytest.raises(InteropError) as refusal:
        VOCABULARY.canonical(facts)
    assert in_the_browser([{"policy": "us-ca-sb54-2018", "facts": facts}]) == [{"refused": code}]
    assert refusal.value.code == code


def test_the_browser_refuses_clauses_that_contradict_each_other() -> None:
    tables = json.loads(json.dumps(TABLES))
    policy = next(each for each in tables["policies"] if each["id"] == "us-tx-sb4-2017")
    for clause in policy["clauses"]:
        clause["notwithstanding"] = []
    asked = [{"policy": policy["id"], "facts": {"lawful_status_proof": True}}]
    assert in_the_browser(asked, tables) == [{"refused": "policy-conflict"}]


def test_the_data_of_all_policies_are_small_enough_for_one_page() -> None:
    size = len(json.dumps(TABLES, separators=(",", ":")))
    assert size < 150_000


def test_a_policy_as_data_still_reads_like_its_file() -> None:
    trust_act = next(each for each in TABLES["policies"] if each["id"] == "us-ca-trust-act-2014")
    ages = [test for clause in trust_act["clauses"] for tests in clause["when"] for test in tests]
    assert {"fact": "years_since_listed_misdemeanor", "words": "at most 5", "in": [[0, 5]]} in ages
    assert {"fact": "years_since_felony", "words": "not never", "in": [[0, 80]]} in ages
