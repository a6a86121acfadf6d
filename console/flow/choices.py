"""What one can choose from on the page: kinds of people, laws, regimes and scenarios."""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from console.flow.kinds import ANYBODY, KINDS
from sandbox.home import HOME
from services.chassis.policy.folder import policy_files

DETAINER, PRIORITY = "detainer", "ice_priority"
_HEADING = re.compile(r"^(title|question): (.+?)\s*$", re.MULTILINE)

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
    """What there is to choose from.

    Of policies only the headings are read, so that the page is there at once; a policy is checked when it is applied.
    """
    headings = {path.stem: _headings(path) for path in sorted(policy_files(home / "policies"))}
    scenarios = sorted(path.stem for path in (home / "scenarios").glob("*.yaml"))
    return Choices(
        kinds=(*((kind.key, kind.title) for kind in KINDS), (ANYBODY, "Anybody: drawn at random")),
        laws=_about(DETAINER, headings),
        regimes=_about(PRIORITY, headings),
        scenarios=tuple((name, name) for name in scenarios),
    )


def _headings(path: Path) -> dict[str, str]:
    return dict(_HEADING.findall(path.read_text(encoding="utf-8")))


def _about(question: str, headings: dict[str, dict[str, str]]) -> Options:
    return tuple(
        (name, f"{name}: {told['title']}") for name, told in headings.items() if told.get("question") == question
    )
