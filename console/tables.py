"""The policies on detainers as plain data, with which `static/decide.js` decides in a browser.

What a policy says is kept as it says it, not as a table of all its cells: for each clause the alternatives of its
`when` and `unless`, each a list of tests, and each test the values that pass it. So the data are small, and anybody can
read them; a test decides thousands of cases with both and finds no difference.

A test is `{"fact", "words", "in"}` or `{"fact", "words", "not"}`: the values that pass, or those that do not, whichever
are fewer. A pair of numbers in it is a range, both ends included.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from services.chassis.policy import NEVER, Clause, Fact, Kind, Policy, Value, Vocabulary
from services.chassis.policy.conditions import Condition, Test
from services.chassis.policy.stack import ENACTED

DETAINER = "detainer"
FORMAT = 1
"""Goes up when data of an older form could be misread."""


def detainer_policies(policies: Iterable[Policy]) -> list[Policy]:
    """Those that answer what an agency does about a detainer: enacted ones first, then by place and first day."""
    asked = [policy for policy in policies if policy.question.name == DETAINER]
    return sorted(asked, key=lambda policy: (policy.status != ENACTED, policy.place, policy.since, policy.id))


def decision_tables(policies: Iterable[Policy], vocabulary: Vocabulary) -> dict[str, Any]:
    """All policies on detainers, and the facts that cases are told in, as plain JSON data.

    Args:
        policies: policies on any question; those on others are left out.
        vocabulary: that of the policies.
    """
    question = vocabulary.questions[DETAINER]
    return {
        "format": FORMAT,
        "levers": list(question.levers),
        "answers": list(question.answers),
        "unanswered": question.unanswered,
        "authority": list(vocabulary.headings.get("authority", ())),
        "verified": list(vocabulary.headings.get("verified", ())),
        "facts": {name: _fact(fact) for name, fact in vocabulary.facts.items()},
        "policies": [policy_as_data(policy) for policy in detainer_policies(policies)],
    }


def policy_as_data(policy: Policy) -> dict[str, Any]:
    """One policy as plain JSON data: its headings, what it reads, its clauses, and its answers where none speaks."""
    return {
        "id": policy.id,
        "title": policy.title,
        "place": policy.place,
        "authority": policy.authority,
        "binds": list(policy.binds),
        "duties": list(policy.duties),
        "status": policy.status,
        "from": policy.since.isoformat(),
        "until": policy.until.isoformat() if policy.until else None,
        "source": policy.source,
        "verified": policy.verified,
        "verified_through": policy.verified_through.isoformat() if policy.verified_through else None,
        "max_hold_hours": policy.max_hold_hours,
        "clock": policy.clock,
        "tags": list(policy.tags),
        "note": policy.note,
        "sha256": policy.sha256,
        "reads": list(policy.reads),
        "clauses": [_clause(clause, policy) for clause in policy.clauses],
        "otherwise": None if policy.otherwise is None else _clause(policy.otherwise, policy),
    }


def _clause(clause: Clause, policy: Policy) -> dict[str, Any]:
    facts = policy.vocabulary
    return {
        "id": clause.id,
        "text": clause.text,
        "source": clause.citation,
        "tags": list(clause.tags),
        "note": clause.note,
        "when": _condition(clause.when, facts),
        "unless": _condition(clause.unless, facts),
        "notwithstanding": sorted(clause.notwithstanding),
        "then": dict(clause.then),
    }


def _condition(condition: Condition, vocabulary: Vocabulary) -> list[list[dict[str, Any]]]:
    return [[_test(test, vocabulary.facts[test.fact]) for test in tests] for tests in condition.alternatives]


def _test(test: Test, fact: Fact) -> dict[str, Any]:
    passing = _compact(fact, test.allowed)
    others = _compact(fact, frozenset(fact.domain) - test.allowed)
    values = {"in": passing} if len(passing) <= len(others) or not others else {"not": others}
    return {"fact": test.fact, "words": test.words, **values}


def _compact(fact: Fact, values: Collection[Value]) -> list[Any]:
    """Values in the order of their fact; numbers as ranges."""
    chosen = [value for value in fact.domain if value in values]
    if fact.kind is not Kind.NUMBER:
        return chosen
    numbers = [value for value in chosen if isinstance(value, int)]
    return [*_ranges(numbers), *([NEVER] if NEVER in chosen else [])]


def _ranges(numbers: Sequence[int]) -> list[list[int]]:
    ranges: list[list[int]] = []
    for number in numbers:
        if ranges and ranges[-1][1] == number - 1:
            ranges[-1][1] = number
        else:
            ranges.append([number, number])
    return ranges


def _fact(fact: Fact) -> dict[str, Any]:
    record: dict[str, Any] = {"kind": fact.kind.value, "about": fact.about, "missing": fact.when_missing}
    if fact.kind is Kind.NUMBER:
        numbers = [value for value in fact.domain if value != NEVER]
        return record | {"from": numbers[0], "to": numbers[-1], "never": NEVER in fact.domain}
    return record | {"values": list(fact.domain)}
