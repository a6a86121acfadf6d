"""The agency's side: what it does about a detainer, lever by lever, under its policy and its habits.

It knows its own custody facts, and nothing of how ICE came to lodge the detainer.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from services.chassis.chance import chance
from services.chassis.policy import Decision, Policy, decide
from services.chassis.policy.other import with_other
from services.detainer.events import CustodyChanged

AT_RELEASE = frozenset({"releasable", "hold_started"})
"""Stages at which notice comes too late: the answer before release governs it."""


@dataclass(frozen=True, slots=True)
class Practice:
    """A policy, and what the agency makes of `may` and of silence."""

    seed: int
    policy: Policy
    discretion: Mapping[str, float]
    silence: Mapping[str, bool]


def answer(facts: Mapping[str, str | int | bool], practice: Practice) -> Decision:
    """What the policy says of every lever."""
    return decide(practice.policy, with_other(facts, practice.policy.vocabulary))


def exercise(decision: Decision, practice: Practice, subject: str) -> dict[str, bool]:
    """What the agency does with that: `must` and `must_not` bind, `may` is used as often as the scenario has it.

    One draw a lever and booking, so that an agency does not change its mind without a change in the facts.
    """
    return {lever: _exercised(lever, value, practice, subject) for lever, value in decision.answers.items()}


def _exercised(lever: str, value: str, practice: Practice, subject: str) -> bool:
    match value:
        case "must":
            return True
        case "must_not":
            return False
        case "may":
            return chance(practice.seed, f"discretion.{lever}", subject) < practice.discretion[lever]
        case _:
            return practice.silence[lever]


def tells_ice(data: CustodyChanged, exercised: Mapping[str, bool]) -> bool:
    """Whether ICE hears of the release: by notice before it, or because the agency begins to hold."""
    if data.stage == "releasable":
        return exercised["hold"]
    return data.stage not in AT_RELEASE and exercised["notify"]
