"""Instances of a JSON Schema, drawn by hypothesis: of the contract's schemas, and of those that models have.

It covers the part of JSON Schema that those use, and no more; what it draws is valid, and a schema that uses something
else fails a test sooner than that it is drawn from wrongly. With `extras`, every object that may gain fields has some.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

from hypothesis import HealthCheck, Phase, settings, strategies as st
from hypothesis.strategies import SearchStrategy
from jsonschema import Draft202012Validator
from pydantic import BaseModel

from sandbox.contracts import Message

Schema = dict[str, Any]
Overrides = Mapping[str, SearchStrategy[Any]]

CONTRACT = settings(
    derandomize=True,
    max_examples=15,
    phases=[Phase.generate, Phase.shrink],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)
"""The same instances in every run of the tests."""

_ANNOTATIONS = frozenset({"$comment", "$schema", "default", "description", "examples", "title", "x-extensible"})
_UNDERSTOOD = _ANNOTATIONS | {
    "additionalProperties", "allOf", "anyOf", "const", "enum", "exclusiveMaximum", "exclusiveMinimum", "format",
    "items", "maxItems", "maxLength", "maximum", "minItems", "minLength", "minProperties", "minimum", "not", "oneOf",
    "pattern", "prefixItems", "properties", "propertyNames", "required", "type", "uniqueItems",
}  # fmt: skip
_CONDITIONS = frozenset({"if", "then", "else"})

_TEXT = st.text(st.characters(codec="utf-8"), max_size=30)
_ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | _TEXT,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(_TEXT, inner, max_size=2),
    max_leaves=3,
)
_FIRST, _LAST = datetime(1990, 1, 1), datetime(2099, 12, 31)  # noqa: DTZ001  the offset is drawn beside it


def instances(schema: Any, overrides: Overrides | None = None, *, extras: bool = False) -> SearchStrategy[Any]:
    """Values that a schema allows. The schema holds no references.

    Args:
        schema: what to draw from.
        overrides: what to draw instead for properties of these names, for rules that no schema can express.
        extras: whether objects that may gain fields have fields that nobody has declared.
    """
    return _Drawing(overrides or {}, extras=extras).of(schema)


def events(message: Message, overrides: Overrides | None = None, *, extras: bool = False) -> SearchStrategy[Any]:
    """Events that keep the contract: by the schema of the whole event, with the declared disclosures stamped."""

    def stamped(event: dict[str, Any]) -> dict[str, Any]:
        data = event["data"]
        return {**event, "data": {**data, "disclosures": message.disclosures(data)}}

    return instances(message.schema, {**BEYOND_SCHEMAS, **(overrides or {})}, extras=extras).map(stamped)


class _Drawing:
    """Draws from schemas with the same overrides."""

    def __init__(self, overrides: Overrides, *, extras: bool) -> None:
        self.overrides = overrides
        self.extras = extras

    def of(self, schema: Any) -> SearchStrategy[Any]:
        if schema is True:
            return _ANYTHING
        choices = [self._drawn(choice) for choice in _choices(schema)]
        assert choices, f"nothing is valid by {schema}"
        return st.one_of(choices)

    def _drawn(self, schema: Schema) -> SearchStrategy[Any]:
        assert schema.keys() <= _UNDERSTOOD | {"conditions"}, f"not understood: {schema.keys() - _UNDERSTOOD}"
        if "const" in schema:
            drawn: SearchStrategy[Any] = st.just(schema["const"])
        elif "enum" in schema:
            drawn = st.sampled_from(schema["enum"])
        elif "type" not in schema:
            drawn = _ANYTHING
        else:
            drawn = _DRAW[schema["type"]](self, schema)
        rules = {"allOf": schema.get("conditions", [])} | ({"not": schema["not"]} if "not" in schema else {})
        return drawn.filter(Draft202012Validator(rules).is_valid) if rules != {"allOf": []} else drawn

    def _object(self, schema: Schema) -> SearchStrategy[Any]:
        declared = schema.get("properties", {})
        needed = [name for name in schema.get("required", []) if name in declared]
        possible = {name: self._property(name, part) for name, part in declared.items() if part is not False}
        fields = st.fixed_dictionaries(
            {name: possible[name] for name in needed},
            optional={name: drawn for name, drawn in possible.items() if name not in needed},
        )
        others = self._others(schema, declared)
        return fields if others is None else st.builds(lambda some, more: {**more, **some}, fields, others)

    def _property(self, name: str, schema: Any) -> SearchStrategy[Any]:
        return self.overrides[name] if name in self.overrides else self.of(schema)

    def _others(self, schema: Schema, declared: Mapping[str, Any]) -> SearchStrategy[dict[str, Any]] | None:
        rest = schema.get("additionalProperties", True)
        if isinstance(rest, dict):
            names = self.of({"type": "string", **schema.get("propertyNames", {"maxLength": 20})})
            names = names.filter(lambda name: name not in declared)
            return st.dictionaries(names, self.of(rest), min_size=schema.get("minProperties", 0), max_size=3)
        if rest is False or not self.extras:
            return None
        names = _TEXT.filter(lambda name: name not in declared)
        return st.dictionaries(names, _ANYTHING, min_size=1, max_size=2)

    def _array(self, schema: Schema) -> SearchStrategy[Any]:
        if "prefixItems" in schema:
            return st.tuples(*(self.of(item) for item in schema["prefixItems"])).map(list)
        items = self.of(schema.get("items", True))
        unique = str if schema.get("uniqueItems") else None
        least = schema.get("minItems", 0)
        return st.lists(items, min_size=least, max_size=schema.get("maxItems", least + 3), unique_by=unique)

    def _string(self, schema: Schema) -> SearchStrategy[Any]:
        if "format" in schema:
            return _FORMATS[schema["format"]]
        least, most = schema.get("minLength", 0), schema.get("maxLength")
        if schema.get("pattern") in _QUICKLY:
            return _QUICKLY[schema["pattern"]]
        if "pattern" not in schema:
            return st.text(st.characters(codec="utf-8"), min_size=least, max_size=min(most or 40, least + 40))
        return st.from_regex(schema["pattern"], fullmatch=True).filter(
            lambda text: least <= len(text) <= (most or 10**6)
        )

    def _integer(self, schema: Schema) -> SearchStrategy[Any]:
        return st.integers(schema.get("minimum"), schema.get("maximum"))

    def _number(self, schema: Schema) -> SearchStrategy[Any]:
        least, most = schema.get("minimum"), schema.get("maximum")
        above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
        return st.floats(
            least if above is None else above,
            most if below is None else below,
            exclude_min=above is not None,
            exclude_max=below is not None,
            allow_nan=False,
            allow_infinity=False,
        )


_DRAW: Mapping[str, Callable[[_Drawing, Schema], SearchStrategy[Any]]] = {
    "object": _Drawing._object,
    "array": _Drawing._array,
    "string": _Drawing._string,
    "integer": _Drawing._integer,
    "number": _Drawing._number,
    "boolean": lambda *_: st.booleans(),
    "null": lambda *_: st.none(),
}


def _choices(schema: Schema) -> Iterator[Schema]:
    """The schema as alternatives without composition, of one type each: an instance of any is one of the schema."""
    whole, conditions = {key: part for key, part in schema.items() if key != "allOf"}, []
    for part in schema.get("allOf", []):
        if _CONDITIONS & part.keys():
            conditions.append(part)
        else:
            whole = _both(whole, part)
    for composition in ("oneOf", "anyOf"):
        if composition in whole:
            options = whole.pop(composition)
            for option in options:
                yield from _choices({**_both(whole, option), "allOf": conditions})
            return
    for kind in _types(whole):
        chosen = {**whole, "type": kind} if kind is not None else dict(whole)
        if "enum" in chosen:
            chosen["enum"] = [value for value in chosen["enum"] if kind is None or _is(value, kind)]
        yield {**chosen, "conditions": conditions} if conditions else chosen


def _both(one: Any, other: Any) -> Any:
    """A schema for what both allow."""
    if one is True or other is True:
        return one if other is True else other
    if one is False or other is False:
        return False
    merged = {**one, **other}
    if "properties" in one and "properties" in other:
        names = one["properties"] | other["properties"]
        merged["properties"] = {
            name: _both(one["properties"].get(name, True), other["properties"].get(name, True)) for name in names
        }
    if "required" in one and "required" in other:
        merged["required"] = [*one["required"], *other["required"]]
    if "allOf" in one and "allOf" in other:
        merged["allOf"] = [*one["allOf"], *other["allOf"]]
    if "enum" in one and "enum" in other:
        merged["enum"] = [value for value in one["enum"] if value in other["enum"]]
    if "items" in one and "items" in other:
        merged["items"] = _both(one["items"], other["items"])
    if "type" in one and "type" in other:
        merged["type"] = [kind for kind in _as_list(one["type"]) if kind in _as_list(other["type"])]
    return merged


def _types(schema: Schema) -> list[str | None]:
    if "const" in schema or ("type" not in schema and "enum" in schema):
        return [None]
    if "type" not in schema:
        return ["object"] if "properties" in schema else [None]
    kinds: list[str | None] = [
        kind for kind in _as_list(schema["type"]) if "enum" not in schema or any(_is(v, kind) for v in schema["enum"])
    ]
    return kinds


def _as_list(kinds: str | list[str]) -> list[str]:
    return [kinds] if isinstance(kinds, str) else kinds


def _is(value: Any, kind: str) -> bool:
    return Draft202012Validator({"type": kind}).is_valid(value)


def _written(moment: datetime, offset: int) -> str:
    return moment.replace(tzinfo=timezone(timedelta(minutes=offset)) if offset else UTC).isoformat()


_MOMENTS = st.builds(_written, st.datetimes(_FIRST, _LAST), st.sampled_from([0, 0, -300, -240, 330, 840]))
_FORMATS: Mapping[str, SearchStrategy[str]] = {
    "date": st.dates(date(1900, 1, 1), date(2099, 12, 31)).map(date.isoformat),
    "date-time": _MOMENTS | _MOMENTS.map(lambda text: text.replace("+00:00", "Z")),
    "uri-reference": st.from_regex(r"[a-z]{1,8}(/[a-z0-9.]{1,8}){0,2}", fullmatch=True),
    "uuid": st.uuids().map(str),
}


def _hexadecimal(length: int) -> SearchStrategy[str]:
    return st.binary(min_size=length // 2, max_size=length // 2).map(bytes.hex)


_QUICKLY: Mapping[str, SearchStrategy[str]] = {
    "^[0-9a-f]{64}$": _hexadecimal(64),
    "^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$": _hexadecimal(48).map(lambda text: f"00-{text[:32]}-{text[32:]}-01"),
}
"""Long patterns that every event has: hypothesis would draw them letter by letter."""

_CODES = _hexadecimal(16)
_FINGERS = st.tuples(_CODES, st.integers(0, 100)) | st.just((None, None))


@st.composite
def _prints(draw: st.DrawFn) -> dict[str, Any]:
    fingers = draw(st.lists(_FINGERS, min_size=10, max_size=10))
    return {"codes": [code for code, _ in fingers], "qualities": [quality for _, quality in fingers]}


@st.composite
def _galleries(draw: st.DrawFn) -> dict[str, Any]:
    rows = draw(st.integers(1, 10**7))
    whole = {
        "rows": rows,
        "overlap": draw(st.integers(0, rows)),
        "fpir": draw(st.floats(1e-9, 0.5)),
        "preset": draw(st.sampled_from(["afit-2012", "ident-2004"])),
        "ident_fingers": draw(st.sampled_from([2, 10])),
        "contaminated_share": draw(st.floats(0, 1)),
        "contaminated_fingers": draw(st.integers(1, 10)),
        "related_share": draw(st.floats(0, 1)),
        "alike_share": draw(st.floats(0, 1)),
        "retain_no_match": draw(st.booleans()),
    }
    kept = draw(st.sets(st.sampled_from(list(whole))))
    return {name: whole[name] for name in kept if name != "overlap" or "rows" in kept}


_DOCUMENT = {"id": "a-regime", "text": "policy: a-regime", "sha256": "0" * 64}
_DAYS = st.lists(st.dates(date(1900, 1, 2), date(2099, 12, 31)), max_size=3, unique=True).map(sorted)
_REGIMES = _DAYS.map(lambda days: [{"from": day.isoformat(), **_DOCUMENT} for day in (date(1900, 1, 1), *days)])
_RATES = st.dictionaries(st.sampled_from(["level_1", "level_2", "other"]), st.floats(0, 1))
_RATES_OF_ALL = st.builds(lambda rates, rest: {**rates, "otherwise": rest}, _RATES, st.floats(0, 1))

_TIME_ZONES = st.sampled_from(["America/New_York", "America/Chicago", "Pacific/Honolulu", "Europe/Berlin", "UTC"])

BEYOND_SCHEMAS: Overrides = {
    "prints": _prints(),
    "galleries": _galleries(),
    "time_zone": _TIME_ZONES,
    "ice_priority": _REGIMES,
    "told_rate": _RATES_OF_ALL,
}
"""What is drawn by rules that a drawing from the schema alone would hardly ever meet, or that no schema can express: a
finger has a code and a quality or neither; no more people are in both galleries than in one; a time zone exists;
regimes follow each other, and the first does not start after the run; every priority has a rate."""


def model_schema(model: type[BaseModel]) -> Schema:
    """The JSON Schema of a model as it is written, without references."""
    whole = model.model_json_schema(mode="serialization")
    definitions = whole.pop("$defs", {})

    def resolved(node: Any) -> Any:
        if isinstance(node, list):
            return [resolved(item) for item in node]
        if not isinstance(node, dict):
            return node
        rest = {key: resolved(value) for key, value in node.items() if key != "$ref"}
        if "$ref" in node:
            return {**resolved(definitions[node["$ref"].removeprefix("#/$defs/")]), **rest}
        return rest

    schema: Schema = resolved(whole)
    return schema


def fields(schema: Any, path: str = "") -> dict[str, Any]:
    """Every field that a schema declares, at every level, by its path (`charge.ncic`, `convictions[].ncic`)."""
    found: dict[str, Any] = {}
    if not isinstance(schema, dict):
        return found
    for name, part in schema.get("properties", {}).items():
        here = f"{path}.{name}" if path else name
        found[here] = found.get(here, part)
        found |= fields(part, here)
    for composition in ("allOf", "anyOf", "oneOf"):
        for part in schema.get(composition, []):
            found = {**fields(part, path), **found}
    if "items" in schema:
        found |= fields(schema["items"], f"{path}[]")
    rest = schema.get("additionalProperties")
    if isinstance(rest, dict) and "properties" not in schema:
        found |= fields(rest, f"{path}{{}}")
    return found
