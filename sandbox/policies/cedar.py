"""A policy as Cedar text, for a second opinion by a program that nobody here wrote.

Cedar knows permits, not four kinds of answers, so one asks it about each (lever, answer): the action `hold:may` is
permitted if some clause that stands says so. A clause that gives way has the conditions of those that prevail over it
behind its `unless`; the `otherwise` has those of every clause that speaks. The tests are written anew from the words of
the file, not from what this project made of them: a number that is `never` is left out of the context.
"""

from collections.abc import Mapping, Sequence
from json import dumps

from services.chassis.policy import NEVER, Clause, Fact, Kind, Policy, Value
from services.chassis.policy.conditions import Condition
from services.chassis.policy.vocabulary import spell

_COMPARISONS = {"at least": ">=", "at most": "<=", "more than": ">", "less than": "<"}


def cedar_of(policy: Policy, lever: str) -> str:
    """The clauses of a policy on one lever, as a Cedar policy set."""
    writer = _Writer(policy)
    speaking = [clause for clause in policy.clauses if lever in clause.then]
    rules = [
        writer.permit(clause, lever, [clause.when], [clause.unless], _prevailing(clause, speaking))
        for clause in speaking
    ]
    if policy.otherwise is not None and lever in policy.otherwise.then:
        rules.append(writer.permit(policy.otherwise, lever, [], [], speaking))
    return "\n".join(rules)


def context_of(facts: Mapping[str, Value]) -> dict[str, Value]:
    """What is known of a case as Cedar's context; every fact that the policy reads has to be there."""
    return {name: value for name, value in facts.items() if value != NEVER}


def action_of(lever: str, answer: str) -> str:
    """What one asks Cedar about."""
    return f'Action::"{lever}:{answer}"'


def _prevailing(clause: Clause, speaking: Sequence[Clause]) -> list[Clause]:
    return [other for other in speaking if clause.id in other.notwithstanding]


class _Writer:
    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._facts = policy.vocabulary.facts

    def permit(
        self,
        clause: Clause,
        lever: str,
        when: Sequence[Condition],
        unless: Sequence[Condition],
        prevailing: Sequence[Clause],
    ) -> str:
        """One rule: it holds when its conditions do, and no other clause takes its place."""
        action = action_of(lever, clause.then[lever])
        rule = f"@id({dumps(clause.id)})\npermit (principal, action == {action}, resource)"
        rule += "".join(f"\nwhen {{ {self._condition(condition)} }}" for condition in when)
        rule += "".join(f"\nunless {{ {self._condition(condition)} }}" for condition in unless)
        rule += "".join(
            f"\nunless {{ ({self._condition(other.when)}) && !({self._condition(other.unless)}) }}"
            for other in prevailing
        )
        return f"{rule};"

    def _condition(self, condition: Condition) -> str:
        alternatives = [
            " && ".join(self._test(self._facts[test.fact], test.words) for test in tests) or "true"
            for tests in condition.alternatives
        ]
        return " || ".join(f"({alternative})" for alternative in alternatives) or "false"

    def _test(self, fact: Fact, words: str) -> str:
        for phrase, sign in _COMPARISONS.items():
            if words.startswith(f"{phrase} "):
                return self._compared(fact, sign, words.removeprefix(phrase).strip())
        if words.startswith("between "):
            low, _, high = words.removeprefix("between ").partition(" and ")
            return f"({self._compared(fact, '>=', low)} && {self._compared(fact, '<=', high)})"
        if words.startswith("not in "):
            return f"!{self._one_of(fact, self._policy.sets[words.removeprefix('not in ')])}"
        if words.startswith("in "):
            return self._one_of(fact, self._policy.sets[words.removeprefix("in ")])
        if words.startswith("not "):
            return f"!{self._one_of(fact, [words.removeprefix('not ')])}"
        return self._one_of(fact, words.split(" or "))

    def _compared(self, fact: Fact, sign: str, word: str) -> str:
        attribute = f"context.{fact.name}"
        if fact.kind is Kind.NUMBER:
            return f"(context has {fact.name} && {attribute} {sign} {int(word)})"
        order = [spell(value) for value in fact.domain]
        place = order.index(word)
        passing = {">=": order[place:], "<=": order[: place + 1], ">": order[place + 1 :], "<": order[:place]}[sign]
        return f"[{', '.join(map(dumps, passing))}].contains({attribute})"

    def _one_of(self, fact: Fact, words: Sequence[str]) -> str:
        attribute = f"context.{fact.name}"
        if fact.kind is Kind.YES_NO:
            return f"({' || '.join(f'{attribute} == {str(word == spell(True)).lower()}' for word in words)})"
        if fact.kind is Kind.NUMBER:
            tests = [
                f"!(context has {fact.name})"
                if word == NEVER
                else f"(context has {fact.name} && {attribute} == {int(word)})"
                for word in words
            ]
            return f"({' || '.join(tests)})"
        return f"[{', '.join(map(dumps, words))}].contains({attribute})"
