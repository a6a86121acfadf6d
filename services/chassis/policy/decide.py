"""The answer of a policy about one case, with its reasons.

Clauses that apply are heard lever by lever. One that stands notwithstanding another displaces it on the levers
that both answer, and on no other. What is left must agree; where nothing is left, the `otherwise` answers, and
where there is none, the question's own word for silence.
"""

from collections.abc import Mapping
from types import MappingProxyType

from services.chassis.errors import InteropError
from services.chassis.policy.model import Clause, Decision, Policy, Reason, SetAside, Verdict
from services.chassis.policy.vocabulary import Value, spell

# Cases differ in few of the facts that a policy reads, so most are found again; the bound only keeps a policy that
# reads many numbers from filling the memory.
_MOST_KEPT = 20_000


def decide(policy: Policy, facts: Mapping[str, Value | None]) -> Decision:
    """Decide one case.

    Args:
        policy: the policy to ask.
        facts: what is known, by fact; yes/no as booleans or words. Facts that the policy does not read are checked
            too, and then ignored. A fact that is missing or None takes the vocabulary's `when_missing`.

    Raises:
        InteropError: `unknown-fact` or `unknown-value`, with a suggestion; `policy-conflict` when two clauses
            disagree and neither stands notwithstanding the other.
    """
    known = policy.vocabulary.canonical(facts)
    cell = tuple(map(known.get, policy.reads))
    decision = policy.decided.get(cell)
    if decision is None:
        decision = _decide(policy, cell)
        if len(policy.decided) >= _MOST_KEPT:
            policy.decided.clear()
        policy.decided[cell] = decision
    return decision


def _decide(policy: Policy, cell: tuple[Value | None, ...]) -> Decision:
    given = dict(zip(policy.reads, cell, strict=True))
    assumed: dict[str, Value] = {}
    if None in cell:
        known = policy.vocabulary.facts
        assumed = {name: known[name].when_missing for name, value in given.items() if value is None}
    facts: dict[str, Value] = {name: assumed[name] if value is None else value for name, value in given.items()}
    # Which clauses apply settles everything but the facts themselves, and few combinations ever occur.
    applying = tuple([clause for clause in policy.clauses if clause.applies(facts)])
    verdict = policy.verdicts.get(applying)
    if verdict is None:
        verdict = policy.verdicts[applying] = _verdict(policy, applying, facts)
    return Decision(
        policy=policy.id,
        question=policy.question.name,
        answers=verdict.answers,
        because=verdict.because,
        set_aside=verdict.set_aside,
        facts_read=MappingProxyType(facts),
        assumed=MappingProxyType(assumed),
        max_hold_hours=policy.max_hold_hours,
        clock=policy.clock,
        verified=policy.verified,
        sha256=policy.sha256,
    )


def _verdict(policy: Policy, applying: tuple[Clause, ...], facts: Mapping[str, Value]) -> Verdict:
    answers: dict[str, str] = {}
    reasons: dict[Clause, list[str]] = {}
    displaced: dict[tuple[str, str], tuple[Clause, list[str]]] = {}
    for lever in policy.question.levers:
        standing = _standing(applying, lever, displaced)
        if not standing and policy.otherwise is not None and lever in policy.otherwise.then:
            standing = [policy.otherwise]
        _check_agreement(policy, lever, standing, facts)
        for clause in standing:
            reasons.setdefault(clause, []).append(lever)
        # The loader refuses a policy that could be left without an answer here.
        answers[lever] = standing[0].then[lever] if standing else str(policy.question.unanswered)
    return Verdict(
        answers=MappingProxyType(answers),
        because=tuple(
            Reason(clause.id, clause.text, clause.citation, tuple(reasons[clause]))
            for clause in (*applying, policy.otherwise)
            if clause in reasons
        ),
        set_aside=tuple(
            SetAside(clause.id, clause.text, by, tuple(levers)) for (_, by), (clause, levers) in displaced.items()
        ),
    )


def _standing(
    applying: tuple[Clause, ...], lever: str, displaced: dict[tuple[str, str], tuple[Clause, list[str]]]
) -> list[Clause]:
    speaking = [clause for clause in applying if lever in clause.then]
    standing = []
    for clause in speaking:
        by = next((other for other in speaking if clause.id in other.notwithstanding), None)
        if by is None:
            standing.append(clause)
        else:
            displaced.setdefault((clause.id, by.id), (clause, []))[1].append(lever)
    return standing


def _check_agreement(policy: Policy, lever: str, standing: list[Clause], facts: Mapping[str, Value]) -> None:
    for other in standing[1:]:
        first = standing[0]
        if other.then[lever] != first.then[lever]:
            case = ", ".join(f"{name} = {spell(value)}" for name, value in facts.items())
            raise InteropError(
                "policy-conflict",
                f"in {policy.id}, clauses {first.id} ({first.then[lever]}) and {other.id} ({other.then[lever]}) both"
                f" answer '{lever}' when {case or 'anything'}. Add 'notwithstanding: [{first.id}]' to the one that"
                " prevails, naming the other.",
            )
