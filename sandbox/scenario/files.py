"""Scenario files as they are read: mistakes in them are told as compilers do, `file:line:col: error: sentence`."""

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from sandbox.home import HOME
from sandbox.scenario.model import Scenario
from services.chassis.errors import InteropError
from services.chassis.policy.mistakes import Mistake, PolicyError, did_you_mean
from services.chassis.policy.page import Entries, Items, Node, Page, Scalar

OWN = ("title", "period", "volume", "published", "parameter_hash")
"""What a scenario says for itself, also when it carries the parameters of another."""


class ScenarioError(InteropError):
    """A scenario file cannot be used; every mistake is a line `file:line:col: error: sentence`."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        super().__init__("bad-scenario", "\n".join(str(mistake) for mistake in mistakes))


def load_scenario(name: str, explanation: str | None = None, home: Path = HOME, *, check_hash: bool = True) -> Scenario:
    """The scenario of that name, or the one in that file.

    Args:
        name: a scenario's name, or a path that ends with `.yaml`.
        explanation: under which of the explanations that its file offers; the first of them, if none is named.
        home: the folder that holds `scenarios/`.
        check_hash: whether fitted values that do not have the hash that the file states are a mistake.

    Raises:
        InteropError: `unknown-scenario` or `unknown-explanation`, with a suggestion.
        ScenarioError: the file has mistakes.
    """
    path = scenario_path(name, home)
    return parse_scenario(path.read_text(encoding="utf-8"), path.name, explanation, home, check_hash=check_hash)


def scenario_path(name: str, home: Path = HOME) -> Path:
    """Where a scenario's file is.

    Raises:
        InteropError: `unknown-scenario`, with a suggestion.
    """
    path = Path(name) if name.endswith(".yaml") else home / "scenarios" / f"{name}.yaml"
    if not path.is_file():
        known = names_in(home / "scenarios")
        raise InteropError(
            "unknown-scenario", f"no scenario '{name}'.{did_you_mean(name, known)} There are: {', '.join(known)}"
        )
    return path


@lru_cache(maxsize=32)  # one command asks for a scenario several times, and a text takes a while to read
def parse_scenario(
    text: str, name: str, explanation: str | None = None, home: Path = HOME, *, check_hash: bool = True
) -> Scenario:
    """The scenario in a text. `name` is what its mistakes are reported under.

    Raises:
        ScenarioError: the text has mistakes.
        InteropError: `unknown-explanation`, with a suggestion.
    """
    try:
        root = _root(text, name)
    except PolicyError as error:  # of the page, whatever it is about
        raise ScenarioError(error.mistakes) from error
    duplicates = list(_duplicates(root, name))
    if duplicates:
        raise ScenarioError(duplicates)
    data = _data(root)
    if isinstance(data, dict):
        data = _with_carried_parameters(data, root, name, home)
        data = _with_fitted_values(data, explanation)
    try:
        scenario = Scenario.model_validate(data)
    except ValidationError as error:
        raise ScenarioError([_mistake(root, name, row) for row in error.errors(include_url=False)]) from error
    if check_hash:
        _check_hash(scenario, root, name)
    return scenario


@lru_cache(maxsize=32)  # several scenarios and explanations share a text, and reading it is what takes long
def _root(text: str, name: str) -> Node:
    return Page(text, name).root


def with_parameters(scenario: Scenario, values: Mapping[str, float | str | None]) -> Scenario:
    """The same scenario with other values at some places, e.g. `{"pickup.told_rate.otherwise": 0.4}`."""
    data = scenario.model_dump(mode="json", by_alias=True)
    for place, value in values.items():
        data = _put(data, place.split("."), value)
    return Scenario.model_validate(data)


def find(path: Path, place: Sequence[str]) -> tuple[int, int, int]:
    """Where a value stands in a file: line and column, from 1, and how long it is.

    Raises:
        InteropError: `no-such-place`, when the file has no value there.
    """
    node = Page(path.read_text(encoding="utf-8"), path.name).root
    for part in place:
        pairs = node.entries if isinstance(node, Entries) else ()
        inner = next((value for key, value in pairs if key.text == part), None)
        if inner is None:
            raise InteropError("no-such-place", f"{path.name} has no value at {'.'.join(place)}")
        node = inner
    if not isinstance(node, Scalar):
        raise InteropError("no-such-place", f"{path.name}: {'.'.join(place)} is not a single value")
    quoted = path.read_text(encoding="utf-8").splitlines()[node.line - 1][node.column - 1] in "\"'"
    return node.line, node.column + quoted, len(node.text)


def names_in(folder: Path) -> list[str]:
    """What a folder of files offers, by name."""
    return sorted(path.stem for path in folder.glob("*.yaml") if not path.stem.endswith(".cases"))


def _duplicates(node: Node, name: str) -> Iterator[Mistake]:
    """Every key that is written twice in one map."""
    if isinstance(node, Items):
        for item in node.items:
            yield from _duplicates(item, name)
    if isinstance(node, Entries):
        seen: dict[str, int] = {}
        for key, value in node.entries:
            if key.text in seen:
                sentence = f"duplicate key '{key.text}': it is already given in line {seen[key.text]}."
                yield Mistake(name, key.line, key.column, sentence)
            seen[key.text] = key.line
            yield from _duplicates(value, name)


def _data(node: Node) -> Any:
    """The file as plain data. Values stay text: the model knows what each should be, and says so if it is not."""
    match node:
        case Entries(entries):
            return {key.text: _data(value) for key, value in entries}
        case Items(items):
            return [_data(item) for item in items]
        case _:
            return None if node.text in ("null", "~", "") else node.text


def _with_carried_parameters(data: dict[str, Any], root: Node, name: str, home: Path) -> dict[str, Any]:
    """What the file leaves out is taken from the scenario whose parameters it carries, but for its figures."""
    carried = data.get("parameters_of")
    if not isinstance(carried, str):
        return data
    try:
        path = scenario_path(carried, home)
    except InteropError as error:
        where = _locate(root, ("parameters_of",))
        raise ScenarioError([Mistake(name, where.line, where.column, error.sentence)]) from error
    text = path.read_text(encoding="utf-8")
    parse_scenario(text, path.name, home=home)
    base = _data(_root(text, path.name))
    return {**{key: value for key, value in base.items() if key not in OWN}, **data}


def _with_fitted_values(data: dict[str, Any], wanted: str | None) -> dict[str, Any]:
    """The values that were fitted, put where they belong, under one explanation."""
    explanations = data.get("explanations") or {}
    if wanted is not None and wanted not in explanations:
        known = list(explanations)
        offers = f"There are: {', '.join(known)}" if known else "This scenario offers none"
        raise InteropError("unknown-explanation", f"no explanation '{wanted}'.{did_you_mean(wanted, known)} {offers}")
    chosen = wanted or next(iter(explanations), None)
    fit = explanations[chosen].get("fit") if chosen else data.get("fit")
    for place, fitted in (fit or {}).items():
        if isinstance(fitted, dict) and "value" in fitted:
            data = _put(data, place.split("."), fitted["value"])
    return {**data, "explanation": chosen}


def _put(data: Mapping[str, Any], place: Sequence[str], value: Any) -> dict[str, Any]:
    """The same tree with `value` at `place`."""
    first, *rest = place
    inner = data.get(first)
    return {**data, first: _put(inner if isinstance(inner, dict) else {}, rest, value) if rest else value}


def _check_hash(scenario: Scenario, root: Node, name: str) -> None:
    if not scenario.fits or scenario.parameter_hash == scenario.hash_of_parameters:
        return
    where = _locate(root, ("parameter_hash",))
    sentence = (
        f"'parameter_hash': the fitted values hash to {scenario.hash_of_parameters}, not to"
        f" {scenario.parameter_hash}; run 'interop scenario fit {scenario.parameters_of or scenario.scenario}'."
    )
    raise ScenarioError([Mistake(name, where.line, where.column, sentence)])


def _mistake(root: Node, name: str, row: Any) -> Mistake:
    where = _locate(root, row["loc"])
    place = ".".join(str(part) for part in row["loc"])
    if row["type"] == "extra_forbidden":
        known = _siblings(row["loc"])
        return Mistake(
            name, where.line, where.column, f"unknown key '{place}'.{did_you_mean(str(row['loc'][-1]), known)}"
        )
    words = row["msg"].removeprefix("Value error, ")
    if row["type"] == "model_type":
        words = "must be a map of 'key: value' lines" if place else "a scenario is a map of 'key: value' lines"
    sentence = f"{words[0].lower()}{words[1:]}".rstrip(".?")
    end = "?" if words.endswith("?") else "."
    return Mistake(name, where.line, where.column, f"'{place}': {sentence}{end}" if place else f"{sentence}{end}")


def _locate(node: Node, loc: Sequence[int | str]) -> Node:
    """The innermost node that a location names; the key itself, where the mistake is the key."""
    for depth, part in enumerate(loc):
        if isinstance(node, Items) and isinstance(part, int) and part < len(node.items):
            node = node.items[part]
            continue
        pair = (
            next((pair for pair in node.entries if pair[0].text == str(part)), None)
            if isinstance(node, Entries)
            else None
        )
        if pair is None:
            return node
        node = pair[0] if depth == len(loc) - 1 and not isinstance(pair[1], Entries | Items) else pair[1]
    return node


def _siblings(loc: Sequence[int | str]) -> list[str]:
    """The keys that are known at the place of an unknown one."""
    model: Any = Scenario
    for part in loc[:-1]:
        field = model.model_fields.get(str(part)) if isinstance(model, type) and issubclass(model, BaseModel) else None
        if field is None:
            return []
        model = field.annotation
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        return []
    return [field.alias or key for key, field in model.model_fields.items()]
