"""The worked cases beside each policy, and what must be true of every policy of the catalogue."""

from itertools import pairwise, product
from typing import Any

import pytest
from ruamel.yaml import YAML

from services.chassis.policy import Policy, Value, decide
from tests.unit.policy_files import POLICIES, policy_ids, the_policy, the_vocabulary

VOCABULARY = the_vocabulary()
CATALOGUE = {identity: the_policy(identity, VOCABULARY) for identity in policy_ids()}


def worked_cases(identity: str) -> list[dict[str, Any]]:
    text = (POLICIES / f"{identity}.cases.yaml").read_text(encoding="utf-8")
    document = YAML(typ="safe", pure=True).load(text)
    assert document["policy"] == identity
    return list(document["cases"])


def clauses_named(case: dict[str, Any], policy: Policy) -> dict[str, list[str]]:
    """The deciding clauses of a case by lever, however briefly the file writes them."""
    given = case["because"] if policy.question.has_levers else {policy.question.name: case["because"]}
    return {lever: [ids] if isinstance(ids, str) else list(ids) for lever, ids in given.items()}


@pytest.mark.parametrize(
    ("identity", "case"),
    [
        pytest.param(identity, case, id=f"{identity}: {case['case']}")
        for identity in CATALOGUE
        for case in worked_cases(identity)
    ],
)
def test_a_worked_case_is_decided_as_written_and_by_the_clause_named(identity: str, case: dict[str, Any]) -> None:
    policy = CATALOGUE[identity]
    decision = decide(policy, case["facts"])
    expected = case["answers"] if policy.question.has_levers else {policy.question.name: case["answer"]}
    assert decision.answers == expected
    deciding: dict[str, list[str]] = {}
    for reason in decision.because:
        for lever in reason.levers:
            deciding.setdefault(lever, []).append(reason.clause)
    assert deciding == clauses_named(case, policy)
    assert sorted({clause.clause for clause in decision.set_aside}) == sorted(case.get("set_aside", []))


@pytest.mark.parametrize("identity", CATALOGUE)
def test_every_clause_decides_at_least_one_worked_case(identity: str) -> None:
    policy = CATALOGUE[identity]
    clauses = [*policy.clauses, *([policy.otherwise] if policy.otherwise else [])]
    shown = {
        name for case in worked_cases(identity) for names in clauses_named(case, policy).values() for name in names
    }
    assert {clause.id for clause in clauses} == shown


@pytest.mark.parametrize("identity", CATALOGUE)
def test_a_policy_is_called_like_its_file_and_says_where_it_comes_from(identity: str) -> None:
    policy = CATALOGUE[identity]
    assert policy.id == identity
    assert policy.tags
    assert all(clause.tags and clause.citation for clause in policy.clauses)


@pytest.mark.parametrize("identity", CATALOGUE)
def test_every_case_that_can_occur_has_an_answer_and_no_clauses_disagree(identity: str) -> None:
    policy = CATALOGUE[identity]
    for cell in product(*(values_that_differ(policy, name) for name in policy.reads)):
        decision = decide(policy, dict(zip(policy.reads, cell, strict=True)))
        assert set(decision.answers) == set(policy.question.levers)
        assert set(decision.answers.values()) <= set(policy.question.answers)


def values_that_differ(policy: Policy, name: str) -> list[Value]:
    """One value for each way in which the tests of the policy can tell the fact's values apart."""
    tests = [
        test
        for clause in policy.clauses
        for condition in (clause.when, clause.unless)
        for alternative in condition.alternatives
        for test in alternative
        if test.fact == name
    ]
    kinds: dict[tuple[bool, ...], Value] = {}
    for value in VOCABULARY.facts[name].domain:
        kinds.setdefault(tuple(value in test.allowed for test in tests), value)
    return list(kinds.values())


def test_the_priorities_of_a_regime_are_ranked_from_no_action_to_level_1() -> None:
    answers = VOCABULARY.questions["ice_priority"].answers
    assert answers == (
        *("no_action", "other"),
        *("priority_3", "priority_2", "priority_1"),
        *("level_3", "level_2", "level_1"),
    )


def test_the_real_regimes_follow_each_other_without_a_gap_or_an_overlap() -> None:
    regimes = sorted(
        (policy for policy in CATALOGUE.values() if policy.question.name == "ice_priority"),
        key=lambda policy: policy.since,
    )
    enacted = [policy for policy in regimes if policy.status == "enacted"]
    for earlier, later in pairwise(enacted):
        assert earlier.until is not None
        assert (later.since - earlier.until).days == 1
