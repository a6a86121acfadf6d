"""The answer of a policy about one case, with its reasons.

Clauses that apply are heard lever by lever. One that stands notwithstanding another displaces it on the levers
that both answer, and on no other. What is left must agree; where nothing is left, the `otherwise` answers, and
where there is none, the question's own word for silence.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from services.chassis.errors import InteropError
from services.chassis.policy.model import Clause, Decision, Policy, Reason, SetAside, Verdict
from services.chassis.policy.vocabulary import Value, spell

# Cases fall into few cells of a policy's table, so most verdicts are found again; the bound only keeps a policy that
# reads very many facts from filling the memory.
_MOST_KEPT = 100_000


@dataclass(frozen=True, slots=True)
class Heard:
    """Who has a say on one lever: the clauses that stand, and those that gave way, each with the first one to which."""

    standing: tuple[Clause, ...]
    displaced: tuple[tuple[Clause, Clause], ...]


def decide(policy: Policy, facts: Mapping[str, Value | None]) -> Decision:
    """Decide one case.

    Args:
        policy: the policy to ask.
        facts: what is known, by fact; yes/no as booleans or words. The values of facts that the policy does not read
            are not looked at; `Vocabulary.canonical` checks them all. A fact that is missing or None takes the
            vocabulary's `when_missing`.

    Raises:
        InteropError: `unknown-fact` or `unknown-value`, with a suggestion; `policy-conflict` when two clauses
            disagree and neither stands notwithstanding the other.
    """
    if not policy.vocabulary.names.issuperset(facts):
        policy.vocabulary.canonical(facts)
    given, cell = policy.table.find(facts)
    if cell is None:
        given, cell = policy.table.find(policy.vocabulary.canonical(facts))
    verdict = policy.verdicts.get(cell)
    if verdict is None:
        verdict = _verdict(policy, given)
        if len(policy.verdicts) >= _MOST_KEPT:
            policy.verdicts.clear()
        policy.verdicts[cell] = verdict
    return Decision(policy, given, verdict)


def hear(clauses: Sequence[Clause], lever: str) -> Heard:
    """Which of the clauses that apply have a say on a lever, without the `otherwise`."""
    speaking = [clause for clause in clauses if lever in clause.then]
    standing = []
    displaced = []
    for clause in speaking:
        by = next((other for other in speaking if clause.id in other.notwithstanding), None)
        if by is None:
            standing.append(clause)
        else:
            displaced.append((clause, by))
    return Heard(tuple(standing), tuple(displaced))


def _verdict(policy: Policy, given: tuple[Value | None, ...]) -> Verdict:
    applying = policy.applying(policy.table.situation(given))
    answers: dict[str, str] = {}
    reasons: dict[Clause, list[str]] = {}
    displaced: dict[tuple[str, str], tuple[Clause, list[str]]] = {}
    for lever in policy.question.levers:
        heard = hear(applying, lever)
        for clause, by in heard.displaced:
            displaced.setdefault((clause.id, by.id), (clause, []))[1].append(lever)
        standing = heard.standing
        if not standing and policy.otherwise is not None and lever in policy.otherwise.then:
            standing = (policy.otherwise,)
        _check_agreement(policy, lever, standing, given)
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


def _check_agreement(policy: Policy, lever: str, standing: Sequence[Clause], given: tuple[Value | None, ...]) -> None:
    for other in standing[1:]:
        first = standing[0]
        if other.then[lever] != first.then[lever]:
            known = [
                policy.vocabulary.facts[name].when_missing if value is None else value
                for name, value in zip(policy.reads, given, strict=True)
            ]
            case = ", ".join(f"{name} = {spell(value)}" for name, value in zip(policy.reads, known, strict=True))
            raise InteropError(
                "policy-conflict",
                f"in {policy.id}, clauses {first.id} ({first.then[lever]}) and {other.id} ({other.then[lever]}) both"
                f" answer '{lever}' when {case or 'anything'}. Add 'notwithstanding: [{first.id}]' to the one that"
                " prevails, naming the other.",
            )
