"""What run the page is about: which scenario, under which explanation, with how many bookings, from which seed."""

import json
import shlex
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import cache
from typing import Any
from urllib.parse import urlencode

from ruamel.yaml import YAML

from sandbox.home import HOME
from services.chassis.errors import InteropError

SCENARIO = "boston-2008-2012"
EXPLANATION = "level_left_out"
BOOKINGS = 60_583
"""One booking for each real submission, as in the lesson 'One set of people, four true sentences'."""

SEED = 2008
MOST_BOOKINGS = 200_000
MOST_SEED = 2**31


INSTEAD = {
    "dangerous_only": "proposal-latimes-dangerous-only-2011",
    "act_on_all": "proposal-act-on-all-removable",
    "partition": "proposal-menino-2011-sharing",
    "opt_out": "proposal-latimes-opt-out-2011",
    "refusal": "proposal-patrick-2011",
}
"""The policies under which the same people are counted again."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """One of the readings of a scenario's published figures that compete."""

    id: str
    title: str
    says: str
    source: str
    tag: str


@dataclass(frozen=True, slots=True)
class Choice:
    """A scenario that may be chosen, with the explanations that it offers."""

    scenario: str
    title: str
    explanations: tuple[Explanation, ...]


@dataclass(frozen=True, slots=True)
class Order:
    """A run that somebody asks for. The same order gives the same people."""

    scenario: str = SCENARIO
    explanation: str | None = EXPLANATION
    bookings: int = BOOKINGS
    seed: int = SEED

    @property
    def command(self) -> str:
        """What prints the report of this run."""
        words = ["interop", "run", self.scenario, "--in-process", "--bookings", str(self.bookings)]
        words += ["--seed", str(self.seed)]
        if self.explanation is not None:
            words += ["--explanation", self.explanation]
        return shlex.join(words)

    @property
    def counting_command(self) -> str:
        """What prints every number that the page tells of this run, as JSON."""
        return shlex.join(["python", "-m", "console.claims.worker", self.text])

    @property
    def search(self) -> str:
        """The order as it stands in an address."""
        return urlencode({name: value for name, value in asdict(self).items() if value is not None})

    def under(self, explanation: str) -> "Order":
        """The same people under another explanation, in Boston if this scenario offers none."""
        scenario = self.scenario if self.explanation is not None else SCENARIO
        return replace(self, scenario=scenario, explanation=explanation)

    @property
    def text(self) -> str:
        """The order as JSON, for the process that counts."""
        return json.dumps(asdict(self))


def order_from(text: str) -> Order:
    """The order in a text that `Order.text` wrote."""
    return Order(**json.loads(text))


def checked(order: Order) -> Order:
    """The order, with an explanation that its scenario offers where it names none of them.

    Raises:
        InteropError: `unknown-scenario` or `bad-run`, in one sentence.
    """
    known = {choice.scenario: choice for choice in choices()}
    if order.scenario not in known:
        raise InteropError("unknown-scenario", f"no scenario '{order.scenario}'. There are: {', '.join(known)}")
    if not 1 <= order.bookings <= MOST_BOOKINGS:
        raise InteropError("bad-run", f"{order.bookings:,} bookings: ask for 1 to {MOST_BOOKINGS:,}")
    if not 0 <= order.seed <= MOST_SEED:
        raise InteropError("bad-run", f"seed {order.seed}: ask for 0 to {MOST_SEED:,}")
    offered = [each.id for each in known[order.scenario].explanations]
    if order.explanation in offered:
        return order
    return replace(order, explanation=offered[0] if offered else None)


@cache
def choices() -> tuple[Choice, ...]:
    """The scenarios that were shaped after published figures. Read here, because `sandbox.scenario` loads polars."""
    found = {path.stem: _read(path.read_text(encoding="utf-8")) for path in sorted((HOME / "scenarios").glob("*.yaml"))}
    return tuple(
        Choice(name, data["title"], _explanations(found.get(data.get("parameters_of", name), data)))
        for name, data in found.items()
        if data.get("published")
    )


def explanations() -> tuple[Explanation, ...]:
    """The explanations that scenarios offer, each once."""
    found = {each.id: each for choice in choices() for each in choice.explanations}
    return tuple(found.values())


def _explanations(data: Mapping[str, Any]) -> tuple[Explanation, ...]:
    return tuple(
        Explanation(name, told["title"], told["says"].strip(), told["source"], str(told["tag"]))
        for name, told in (data.get("explanations") or {}).items()
    )


def _read(text: str) -> Mapping[str, Any]:
    read: Mapping[str, Any] = YAML(typ="safe", pure=True).load(text)
    return read
