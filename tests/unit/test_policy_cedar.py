"""A second opinion: Cedar, which nobody here wrote, decides every cell of every detainer policy the same way.

A cell is a case of each kind that a lever's clauses can tell apart. Facts that they do not read are left out, since no
rule of theirs could look at them.
"""

from collections.abc import Iterator
from itertools import product

import cedarpy
import pytest

from sandbox.policies.cedar import action_of, cedar_of, context_of
from services.chassis.policy import Policy, Value, decide, load_policy
from services.chassis.policy.table import Table
from tests.unit.policy_files import policy_ids, the_policy, the_vocabulary

VOCABULARY = the_vocabulary()
CATALOGUE = {identity: the_policy(identity, VOCABULARY) for identity in policy_ids()}
DETAINER = [identity for identity, policy in CATALOGUE.items() if policy.question.name == "detainer"]

NOBODY = {"principal": 'Party::"agency"', "resource": 'Person::"booked"'}


def cells(policy: Policy, lever: str) -> Iterator[dict[str, Value]]:
    """A case of each kind, by the facts that the clauses on a lever read."""
    speaking = [clause for clause in policy.clauses if lever in clause.then]
    conditions = [condition for clause in speaking for condition in (clause.when, clause.unless)]
    read = {test.fact: None for condition in conditions for tests in condition.alternatives for test in tests}
    table = Table(conditions, [VOCABULARY.facts[name] for name in read])
    for classes in product(*table.classes):
        yield {name: found.values[-1] for name, found in zip(read, classes, strict=True)}


def answers_of(policy: Policy, lever: str) -> list[str]:
    """What the policy can say on a lever at all; for any other answer Cedar has no rule, and so no permit."""
    clauses = [*policy.clauses, *([policy.otherwise] if policy.otherwise else [])]
    return sorted({clause.then[lever] for clause in clauses if lever in clause.then})


def cedars_answers(policy: Policy, lever: str, cases: list[dict[str, Value]]) -> list[set[str]]:
    """The answers that Cedar permits in each case."""
    answers = answers_of(policy, lever)
    requests = [
        {**NOBODY, "action": action_of(lever, answer), "context": context_of(case)}
        for case in cases
        for answer in answers
    ]
    results = cedarpy.is_authorized_batch(requests, cedarpy.PolicySet.from_str(cedar_of(policy, lever)), "[]")
    assert [result.diagnostics.errors for result in results if result.diagnostics.errors] == []
    permitted = iter(result.allowed for result in results)
    return [{answer for answer in answers if next(permitted)} for _ in cases]


@pytest.mark.parametrize("identity", DETAINER)
def test_cedar_gives_the_same_answer_in_every_cell(identity: str) -> None:
    policy = CATALOGUE[identity]
    for lever in policy.question.levers:
        if not answers_of(policy, lever):
            assert decide(policy, {}).answers[lever] == policy.question.unanswered
            continue
        cases = list(cells(policy, lever))
        ours = [decide(policy, case).answers[lever] for case in cases]
        cedars = cedars_answers(policy, lever, cases)
        disagreements = [
            (case, our, cedar)
            for case, our, cedar in zip(cases, ours, cedars, strict=True)
            if (cedar or {policy.question.unanswered}) != {our}
        ]
        assert disagreements == []


EVERY_TEST = """\
policy: us-zz-example-2014
title: An invented policy with a test of every kind
question: detainer
place: US-ZZ
status: draft
in_force: {from: 2014-01-01}
source: Invented Code 1
verified: none
sets:
  crimes: ["0901", "1201"]
clauses:
  - clause: (a)
    text: t
    when:
      - {charge: between infraction and felony, years_since_felony: between 3 and 7}
      - {charge: more than felony, years_since_felony: never or 9}
      - {charge_offence: in crimes, admin_paper: I-200 or I-205}
    unless: {registry: not yes}
    then: {hold: must, notify: must}
  - clause: (b)
    text: t
    notwithstanding: [(a)]
    when: {charge_offence: not in crimes, years_since_felony: not 4, charge: less than serious_felony}
    then: {hold: may}
  - clause: (c)
    text: t
    notwithstanding: [(a), (b)]
    when: {years_since_felony: more than 70, admin_paper: not none}
    unless: {charge: at most misdemeanor}
    then: {hold: must_not}
otherwise: {clause: (d), text: t, then: {hold: must_not, access: may}}
"""


def test_cedar_agrees_about_every_kind_of_test_and_about_who_gives_way() -> None:
    policy = load_policy(EVERY_TEST, "example.yaml", VOCABULARY)
    for lever in ("hold", "notify", "access"):
        cases = list(cells(policy, lever))
        ours = [decide(policy, case).answers[lever] for case in cases]
        assert [cedar or {"silent"} for cedar in cedars_answers(policy, lever, cases)] == [{our} for our in ours]
    holds = {decide(policy, case).answers["hold"] for case in cells(policy, "hold")}
    assert holds == {"must", "may", "must_not"}


def test_a_rule_in_cedar_reads_like_its_clause() -> None:
    text = cedar_of(CATALOGUE["us-ca-trust-act-2014"], "hold")
    assert '@id("(a)(4)")\npermit (principal, action == Action::"hold:may", resource)\nwhen' in text
    assert "context has years_since_listed_misdemeanor && context.years_since_listed_misdemeanor <= 5" in text
