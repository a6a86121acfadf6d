"""What the page's address says: whom to compare, on how many people, with which levers set otherwise.

It is the same that `interop compare` takes as options, so that one gives the other.
"""

import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from math import isfinite
from typing import Any
from urllib.parse import urlencode

from sandbox.usual import COMPARED_BOOKINGS, SEED
from services.chassis.errors import InteropError
from services.chassis.policy.mistakes import did_you_mean

SCENARIO = "boston-2008-2010"
POLICIES = ("us-full-cooperation", "us-ca-trust-act-2014", "counterfactual-cite-or-book")
"""What is compared before anybody has chosen: the custom of 2008, a law that narrows it, and a switch upstream."""

FEWEST_BOOKINGS, MOST_BOOKINGS = 100, 1_000_000
MOST_POLICIES = 50
MOST_SEED = 2**31

NO_LIMIT = "none"
ASSUMPTIONS = {
    "cost_a_day": "--cost-a-day",
    "rearrests": "--rearrests",
    "rearrest_years": "--rearrest-years",
    "hearings": "--hearings",
    "counsel": "--counsel",
    "at_large": "--at-large",
}
"""What is assumed beyond the flow: its name in the address -> its option."""

_PLACES = {"capacity": "capacity_per_day", "pickup": "pickup.told_rate", "discretion": "discretion"}
_UNTOLD, _FPIR = "pickup.untold", "fpir"
_PLACE_OF = {_UNTOLD: "pickup.untold_rate", _FPIR: "galleries.fpir"}

Query = Iterable[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class State:
    """What is to be compared."""

    scenario: str = SCENARIO
    explanation: str | None = None
    policies: tuple[str, ...] = POLICIES
    bookings: int = COMPARED_BOOKINGS
    seed: int = SEED
    levers: Mapping[str, float | None] = field(default_factory=dict)
    """By their names in the address, such as `discretion.hold`; those that stand as in the scenario are left out."""

    assumptions: Mapping[str, str] = field(default_factory=dict)

    def query(self) -> list[tuple[str, str]]:
        """The state as an address has it, everything named that could be otherwise tomorrow."""
        told = [("scenario", self.scenario)]
        if self.explanation:
            told.append(("explanation", self.explanation))
        told += [("policy", policy) for policy in self.policies]
        told += [("bookings", str(self.bookings)), ("seed", str(self.seed))]
        told += [(name, lever_in_words(value)) for name, value in self.levers.items()]
        return [*told, *self.assumptions.items()]

    def address(self) -> str:
        """The state as it stands behind the question mark."""
        return urlencode(self.query())

    def places(self) -> dict[str, float | None]:
        """The levers by their places in the scenario's file."""
        return {place_of(name): value for name, value in self.levers.items()}

    def with_levers_changed(self, standing: Mapping[str, float | None]) -> "State":
        """Without the levers that stand as in the scenario.

        Args:
            standing: every lever of the scenario, by its place in the file.

        Raises:
            InteropError: `unknown-lever`, for an office or a lever that the scenario does not have.
        """
        for name in self.levers:
            # ICE's priorities are not the scenario's own: its regime knows them, and says so.
            if place_of(name) not in standing and not name.startswith("pickup."):
                known = [name_of(place) for place in standing]
                sentence = f"no lever '{name}'.{did_you_mean(name, known)} There are: {', '.join(known)}"
                raise InteropError("unknown-lever", sentence)
        levers = {
            name: value
            for name, value in self.levers.items()
            if place_of(name) not in standing or standing[place_of(name)] != value
        }
        return replace(self, levers=levers)


def state_of(query: Query) -> State:
    """What an address asks for; whatever it leaves out is as usual.

    Raises:
        InteropError: `bad-address`, when a number is none, or too large.
    """
    given = [(name, text.strip()) for name, text in query if text.strip()]
    one = dict(given)
    policies = tuple(dict.fromkeys(text for name, text in given if name == "policy"))
    if len(policies) > MOST_POLICIES:
        raise InteropError("bad-address", f"at most {MOST_POLICIES} policies can be compared at once", status=422)
    return State(
        scenario=one.get("scenario", SCENARIO),
        explanation=one.get("explanation"),
        policies=policies or POLICIES,
        bookings=_whole(one, "bookings", COMPARED_BOOKINGS, FEWEST_BOOKINGS, MOST_BOOKINGS),
        seed=_whole(one, "seed", SEED, 0, MOST_SEED),
        levers={name: _lever(name, text) for name, text in given if _is_lever(name)},
        assumptions={name: one[name] for name in ASSUMPTIONS if name in one},
    )


def command_of(state: State, paths: Mapping[str, str]) -> str:
    """The command that reproduces what the page shows.

    Args:
        state: what is compared.
        paths: where the files of one's own policies are, by id.
    """
    words = ["interop", "compare", state.scenario]
    for policy in state.policies:
        words += ["--policy", paths.get(policy, policy)]
    words += ["--bookings", str(state.bookings), "--seed", str(state.seed)]
    if state.explanation:
        words += ["--explanation", state.explanation]
    for name, value in state.levers.items():
        kind, _, which = name.partition(".")
        number = lever_in_words(value)
        words += [f"--{kind}", f"{which}={number}" if which else number]
    for name, text in state.assumptions.items():
        words += [ASSUMPTIONS[name], text]
    # Without the published figures beside it, which take the simulations of other seeds.
    words += ["--seeds", "0"]
    return shlex.join(words)


def place_of(name: str) -> str:
    """Where a lever of the address stands in a scenario's file."""
    kind, _, which = name.partition(".")
    return _PLACE_OF.get(name) or f"{_PLACES[kind]}.{which}"


def name_of(place: str) -> str:
    """What a lever of a scenario's file is called in the address."""
    for name, known in _PLACE_OF.items():
        if known == place:
            return name
    kind, _, which = place.rpartition(".")
    return f"{next(short for short, known in _PLACES.items() if known == kind)}.{which}"


def lever_in_words(value: float | None) -> str:
    """A lever's value as an address and a command write it."""
    return NO_LIMIT if value is None else f"{value:.12g}"


def as_job(state: State, paths: Mapping[str, str]) -> dict[str, Any]:
    """The state as the worker takes it."""
    return {
        "scenario": state.scenario,
        "explanation": state.explanation,
        "policies": [paths.get(policy, policy) for policy in state.policies],
        "bookings": state.bookings,
        "seed": state.seed,
        "levers": state.places(),
        "assumptions": dict(state.assumptions),
    }


def _is_lever(name: str) -> bool:
    kind, _, which = name.partition(".")
    return name == _FPIR or (kind in _PLACES and bool(which))


def _lever(name: str, text: str) -> float | None:
    if text == NO_LIMIT and name.startswith("capacity."):
        return None
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not isfinite(value) or value < 0:
        raise InteropError("bad-address", f"'{name}' cannot be '{text}'; give a number from 0", status=422)
    return value


def _whole(given: Mapping[str, str], name: str, usual: int, least: int, most: int) -> int:
    text = given.get(name, str(usual))
    if not (text.isascii() and text.isdigit() and least <= int(text[:12]) <= most):
        sentence = f"'{name}' cannot be '{text}'; give a whole number from {least:,} to {most:,}"
        raise InteropError("bad-address", sentence, status=422)
    return int(text)
