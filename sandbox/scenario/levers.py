"""Levers that are no law: what ICE can take on, how often it comes, what agencies make of `may`, how the matcher is.

A scenario says how each of them stands. A run can set some otherwise, by their places in the scenario's file, such as
`{"discretion.hold": 0.5}`; whatever it sets is told beside its results.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from json import JSONDecodeError, loads
from math import isfinite, nan

from pydantic import ValidationError

from sandbox.scenario.files import with_parameters
from sandbox.scenario.model import Scenario
from services.chassis.errors import InteropError
from services.chassis.policy.mistakes import did_you_mean

Setting = float | str | None
Levers = Mapping[str, Setting]
"""Place in the scenario's file -> value; None is a capacity that nothing limits."""

CAPACITY, PICKUP, DISCRETION, FPIR = "capacity_per_day", "pickup", "discretion", "galleries.fpir"
_GALLERIES = "galleries."
TOLD, UNTOLD = f"{PICKUP}.told_rate", f"{PICKUP}.untold_rate"
NO_LIMIT = "none"
_UNTOLD = "untold"


def with_levers(scenario: Scenario, levers: Levers) -> Scenario:
    """The same scenario with some levers set otherwise.

    Raises:
        InteropError: `bad-lever`, when a value lies outside what the lever takes.
    """
    if not levers:
        return scenario
    try:
        return with_parameters(scenario, levers)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise InteropError("bad-lever", f"'{place}' cannot be {first['input']}: {first['msg']}") from error


def standing(scenario: Scenario) -> dict[str, float | None]:
    """Every lever of a scenario as it stands."""
    capacity = {f"{CAPACITY}.{office}": limit for office, limit in scenario.capacity_per_day.items()}
    told = {f"{TOLD}.{priority}": share for priority, share in scenario.pickup.told_rate.items()}
    discretion = {f"{DISCRETION}.{lever}": share for lever, share in scenario.discretion.model_dump().items()}
    return {**capacity, **told, UNTOLD: scenario.pickup.untold_rate, **discretion, FPIR: scenario.galleries.fpir}


def as_told(
    scenario: Scenario,
    *,
    capacity: Sequence[str] = (),
    pickup: Sequence[str] = (),
    discretion: Sequence[str] = (),
    fpir: float | None = None,
    matcher: Sequence[str] = (),
) -> dict[str, Setting]:
    """The levers that somebody set, as the options of a command have them.

    Args:
        scenario: the scenario, which knows the offices and the priorities.
        capacity: `OFFICE=DETAINERS A DAY`, or one number for all offices; `none` where nothing limits it.
        pickup: `PRIORITY=SHARE`, `otherwise=SHARE` or `untold=SHARE`; one share alone is for whoever is told.
        discretion: `LEVER=SHARE`, or one share for all levers.
        fpir: the share of searches for a stranger that may return somebody.
        matcher: `NAME=VALUE`, by the names under `galleries` in a scenario's file.

    Raises:
        InteropError: `bad-lever`, when one is neither; `unknown-lever`, with a suggestion.
    """
    habits = scenario.discretion.model_dump()
    told = _read("--pickup", pickup, scenario.pickup.told_rate, known=None)
    levers: dict[str, float | None] = {
        **_placed(CAPACITY, _read("--capacity", capacity, scenario.capacity_per_day, known=scenario.capacity_per_day)),
        **{UNTOLD if name == _UNTOLD else f"{TOLD}.{name}": share for name, share in told.items()},
        **_placed(DISCRETION, _read("--discretion", discretion, habits, known=habits)),
    }
    for place, value in levers.items():
        if value is None and not place.startswith(CAPACITY):
            raise InteropError("bad-lever", f"'{place}' cannot be '{NO_LIMIT}'; give a share from 0 to 1")
    return {**levers, **({} if fpir is None else {FPIR: fpir}), **_of_the_matcher(matcher)}


def in_words(levers: Levers) -> list[str]:
    """Levers that were set, each in words."""
    return [_words_of(place, value) for place, value in levers.items()]


_WORDS: Mapping[str, Callable[[str, str], str]] = {
    CAPACITY: lambda office, number: f"detainers that the office '{office}' can lodge in a day: {number}",
    TOLD: lambda priority, number: f"share for whom ICE comes, told of the release, {priority}: {number}",
    DISCRETION: lambda lever, number: f"how often agencies use '{lever}' where they may: {number}",
}


_MATCHER_WORDS: Mapping[str, str] = {
    "preset": "how good prints are",
    "ident_fingers": "fingers on which IDENT is searched",
    "contaminated_share": "share of records with fingers of another card",
    "contaminated_fingers": "fingers of another card on such a record",
    "related_share": "share of people with a relative whose fingers are like theirs",
    "alike_share": "share of the bits of such a finger that are the relative's",
    "retain_no_match": "whether DHS keeps prints that match nobody (disputed)",
}
"""The levers of the matcher that have no option of their own."""


def _words_of(place: str, value: Setting) -> str:
    number = "no limit" if value is None else f"{value:g}" if isinstance(value, int | float) else value
    if place.startswith(_GALLERIES) and place != FPIR:
        told = {True: "yes", False: "no"}[value] if isinstance(value, bool) else number
        return f"{_MATCHER_WORDS[place.removeprefix(_GALLERIES)]}: {told}"
    if place == FPIR:
        return f"share of searches for a stranger that may return somebody: {number}"
    if place == UNTOLD:
        return f"share for whom ICE comes without having been told: {number}"
    kind, _, name = place.rpartition(".")
    return _WORDS[kind](name.replace("_", " "), number)


def _of_the_matcher(given: Sequence[str]) -> dict[str, Setting]:
    found: dict[str, Setting] = {}
    for text in given:
        name, is_named, value = text.partition("=")
        if name not in _MATCHER_WORDS:
            names = ", ".join(_MATCHER_WORDS)
            meant = did_you_mean(name, _MATCHER_WORDS)
            raise InteropError("unknown-lever", f"--matcher '{name}'.{meant} There are: {names}")
        if not is_named or not value:
            raise InteropError("bad-lever", f"--matcher '{text}': give {name}=VALUE")
        found[_GALLERIES + name] = _read_value(value)
    return found


def _read_value(text: str) -> Setting:
    """A number, true or false as they stand in a file; anything else is a word."""
    try:
        value = loads(text)
    except JSONDecodeError:
        return text
    return value if isinstance(value, int | float) else text


def _placed(kind: str, values: Mapping[str, float | None]) -> dict[str, float | None]:
    return {f"{kind}.{name}": value for name, value in values.items()}


def _read(
    option: str, given: Sequence[str], everything: Iterable[str], known: Iterable[str] | None
) -> dict[str, float | None]:
    """Values by name; a value without one is for everything. `known=None` leaves names to who resolves them."""
    found: dict[str, float | None] = {}
    for text in given:
        name, is_named, number = text.rpartition("=")
        if is_named and known is not None and name not in known:
            names = ", ".join(known)
            raise InteropError("unknown-lever", f"{option} '{name}'.{did_you_mean(name, known)} There are: {names}")
        value = _number(option, text, number)
        found |= {name: value} if is_named else dict.fromkeys(everything, value)
    return found


def _number(option: str, text: str, number: str) -> float | None:
    if number == NO_LIMIT:
        return None
    try:
        value = float(number)
    except ValueError:
        value = nan
    if not isfinite(value):
        raise InteropError("bad-lever", f"{option} '{text}': give a number, or NAME=NUMBER")
    return value
