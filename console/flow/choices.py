"""What one can choose from on the page: kinds of people, laws, regimes and scenarios."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from console.flow.kinds import ANYBODY, KINDS
from sandbox.home import HOME
from services.chassis.policy.folder import PolicyFolder

DETAINER, PRIORITY = "detainer", "ice_priority"
Options = tuple[tuple[str, str], ...]
"""Pairs of a value and its words."""


@dataclass(frozen=True, slots=True)
class Choices:
    """What the forms of the page offer."""

    kinds: Options
    laws: Options
    regimes: Options
    scenarios: Options


@cache
def choices(home: Path = HOME) -> Choices:
    """What there is to choose from. Reading it takes half a second the first time, so not on the event loop."""
    policies = PolicyFolder(home / "policies").policies
    by_question: dict[str, list[tuple[str, str]]] = {}
    for name, policy in sorted(policies.items()):
        by_question.setdefault(policy.question.name, []).append((name, f"{name}: {policy.title}"))
    scenarios = sorted(path.stem for path in (home / "scenarios").glob("*.yaml"))
    return Choices(
        kinds=(*((kind.key, kind.title) for kind in KINDS), (ANYBODY, "Anybody: drawn at random")),
        laws=tuple(by_question[DETAINER]),
        regimes=tuple(by_question[PRIORITY]),
        scenarios=tuple((name, name) for name in scenarios),
    )
