"""Three ways to ask a policy agree on every policy of the catalogue: an expression, cells of a table, and `decide`."""

from collections.abc import Mapping
from functools import cache

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from sandbox.lab.cells import Fact, decide_all
from sandbox.lab.expressions import compile_policy, facts_frame
from services.chassis.errors import InteropError
from services.chassis.policy import Policy, Value, decide
from tests.unit.policy_files import policy_ids, the_policy, the_vocabulary

VOCABULARY = the_vocabulary()
LIKELY = 3
"""Values of a fact near its tests are drawn so often, or rows would hardly ever meet a clause."""


@cache
def policy_of(identity: str) -> Policy:
    return the_policy(identity, VOCABULARY)


@st.composite
def rows_for(draw: st.DrawFn, policy: Policy) -> list[dict[str, Value | None]]:
    """Rows of facts, some of them unknown; those that clauses ask about come up often enough to matter."""
    asked: dict[str, list[Value | None]] = {name: [None, *VOCABULARY.facts[name].domain] for name in policy.reads}
    for clause in policy.clauses:
        for condition in (clause.when, clause.unless):
            for test in [test for tests in condition.alternatives for test in tests]:
                asked[test.fact] += sorted(test.allowed, key=str)[:LIKELY] * LIKELY
    row = st.fixed_dictionaries({name: st.sampled_from(values) for name, values in asked.items()})
    return draw(st.lists(row, min_size=1, max_size=20))


def by_decide(policy: Policy, row: Mapping[str, Value | None]) -> dict[str, str] | None:
    try:
        return dict(decide(policy, row).answers)
    except InteropError:  # a conflict: every fact and value is one of the vocabulary's
        return None


@pytest.mark.parametrize("identity", policy_ids())
@settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_expression_cells_and_decide_agree(identity: str, data: st.DataObject) -> None:
    policy = policy_of(identity)
    rows = data.draw(rows_for(policy))
    one_by_one = [by_decide(policy, row) for row in rows]

    frame = facts_frame(VOCABULARY, rows, ["charge", *policy.reads]).with_columns(**compile_policy(policy))
    compiled = frame.select(policy.question.levers).to_dicts()

    for answered, expected in zip(compiled, one_by_one, strict=True):
        if expected is None:
            assert None in answered.values()
        else:
            assert answered == expected
    if None not in one_by_one:
        facts = {name: column_of([row[name] for row in rows]) for name in policy.reads}
        decided = decide_all(policy, facts, len(rows))
        assert [dict(decided.decisions[place].answers) for place in decided.which] == one_by_one


def column_of(values: list[Value | None]) -> Fact:
    return Fact(np.arange(len(values)), values)
