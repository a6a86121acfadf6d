"""The levers that are no law, as sliders: where each stands, how far it goes, and what it says there."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil, log10
from typing import Any, Literal

from console.lab.state import State, lever_in_words, name_of
from sandbox.policies.words import LEVER_WORDS

Kind = Literal["share", "capacity", "power"]

STEPS = 50
SPARE = 1.5
"""How far beyond the matches of a day the slider of an office's capacity goes."""

_SHOWN_DISCRETION = ("hold", "notify", "transfer")
"""The levers of which what a comparison counts depends on how often they are used."""

_LEAST_POWER, _MOST_POWER = -7, -2


@dataclass(frozen=True, slots=True)
class Slider:
    """A lever on the page. `value` and `usual` are positions: of `power` the exponent, of no limit the highest.

    `told` is the value as the address has it, which may lie between two steps of the slider.
    """

    name: str
    group: str
    label: str
    kind: Kind
    value: float
    usual: float
    least: float
    most: float
    step: float
    told: str

    @property
    def words(self) -> str:
        """What it says where it stands."""
        return in_words(self.kind, self.value, self.most)

    @property
    def usual_words(self) -> str:
        """What it says where the scenario has it."""
        return in_words(self.kind, self.usual, self.most)

    @property
    def is_changed(self) -> bool:
        """Whether it stands elsewhere than in the scenario."""
        return self.value != self.usual


GROUPS = {
    "discretion": (
        "Discretion",
        "How often agencies make use of what their policy says they may do. It moves the dot.",
    ),
    "pickup": ("Pick-up", "For how many ICE comes. Where nobody comes, nobody is handed over, whatever the law says."),
    "capacity": ("Capacity", "How many detainers an ICE office can lodge in a real day; a sample has its share."),
    "fpir": ("Match threshold", "How often the search may return a stranger. A laxer one makes more wrong matches."),
}


def sliders_of(state: State, scenario: Mapping[str, Any]) -> list[Slider]:
    """The sliders of a scenario.

    Args:
        state: where they stand.
        scenario: what the worker tells of it.
    """
    found: list[Slider] = []
    for place, usual in standing_of(state, scenario).items():
        name = name_of(place)
        made = _slider(name, state.levers.get(name, usual), usual, _busiest(state, scenario))
        if made is not None:
            found.append(made)
    return sorted(found, key=lambda slider: list(GROUPS).index(slider.group))


def standing_of(state: State, scenario: Mapping[str, Any]) -> dict[str, float | None]:
    """Every lever of the scenario under the state's explanation, by its place."""
    by_explanation: Mapping[str, dict[str, float | None]] = scenario["levers"]
    return by_explanation.get(state.explanation or "") or next(iter(by_explanation.values()))


def in_words(kind: Kind, position: float, most: float) -> str:
    """What a slider says at a position."""
    if kind == "share":
        return f"{100 * position:.3g} %"
    if kind == "capacity":
        return "no limit" if position >= most else f"{position:g} a day"
    return f"1 in {round(10**-position):,}"


def _slider(name: str, value: float | None, usual: float | None, busiest: float) -> Slider | None:
    group, _, which = name.partition(".")
    told = lever_in_words(value)
    if group == "discretion":
        if which not in _SHOWN_DISCRETION:
            return None
        return Slider(name, group, LEVER_WORDS[which], "share", _known(value), _known(usual), 0, 1, 0.01, told)
    if group == "pickup":
        return Slider(name, group, _pickup(which), "share", _known(value), _known(usual), 0, 1, 0.0001, told)
    if group == "capacity":
        step = _round_up(busiest * SPARE / STEPS)
        most = step * (STEPS + 1)
        here, there = (most if each is None else min(each, most - step) for each in (value, usual))
        return Slider(name, group, f"office '{which}'", "capacity", here, there, 0, round(most, 6), step, told)
    here, there = (round(log10(each or 1), 6) for each in (value, usual))
    return Slider(name, group, "wrong in how many searches", "power", here, there, _LEAST_POWER, _MOST_POWER, 1, told)


def _pickup(which: str) -> str:
    if which == "untold":
        return "comes, though nobody told it"
    return "comes, when told" if which == "otherwise" else f"comes, when told ({which.replace('_', ' ')})"


def _busiest(state: State, scenario: Mapping[str, Any]) -> float:
    """The matches of a day at one office, in reality; in the sample where nothing real is modelled."""
    known = scenario["matches_a_day"]
    if known is not None:
        return float(known)
    return float(state.bookings * scenario["in_ident"] / scenario["days"] / _offices(scenario))


def _offices(scenario: Mapping[str, Any]) -> int:
    levers = next(iter(scenario["levers"].values()))
    return sum(name_of(place).startswith("capacity.") for place in levers)


def _round_up(step: float) -> float:
    """The next of 1, 2 and 5 times a power of ten."""
    power = 10.0 ** ceil(log10(step) - 1)
    return next(round(power * times, 9) for times in (1, 2, 5, 10) if power * times >= step * 0.999)


def _known(value: float | None) -> float:
    return 0.0 if value is None else value
