"""The JSON Schema of policy files, made from the vocabulary: editors complete by it, and underline as one types.

It says less than the loader, which stays the judge: what one part of a file says of another is beyond a schema.
"""

import json
import re
from collections.abc import Iterable
from typing import Any

from services.chassis.policy import Fact, Kind, Question, Vocabulary
from services.chassis.policy.loader import OPTIONAL, REQUIRED
from services.chassis.policy.vocabulary import spell

Json = dict[str, Any]

TEXT: Json = {"type": "string", "minLength": 1}
NAME: Json = {"type": ["string", "integer"]}
DAY: Json = {"type": "string", "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$"}


def text_of_schema(vocabulary: Vocabulary) -> str:
    """The schema as `policies/policy.schema.json` has it."""
    return json.dumps(schema_of(vocabulary), indent=1) + "\n"


def schema_of(vocabulary: Vocabulary) -> Json:
    """The schema of policy files that use this vocabulary."""
    headings = {name: {"enum": list(words)} for name, words in vocabulary.headings.items()}
    lists = {name: _list_of(headings.get(name, TEXT)) for name in ("binds", "duties", "tags")}
    properties: Json = {
        "policy": {"type": "string", "pattern": "^[a-z0-9]+(-[a-z0-9]+)*$", "description": "The file's name"},
        "title": TEXT,
        "question": {"enum": list(vocabulary.questions)},
        "place": {**TEXT, "description": "As US, US-MA or US-MA-BOS: a place is under those that its name begins with"},
        "in_force": {
            "type": "object",
            "properties": {"from": DAY, "until": {**DAY, "description": "The last day in force"}},
            "required": ["from"],
            "additionalProperties": False,
        },
        "source": TEXT,
        "verified_through": DAY,
        "max_hold_hours": {"type": "integer", "minimum": 1},
        "note": TEXT,
        "sets": {
            "type": "object",
            "propertyNames": {"pattern": "^[a-z0-9]+(_[a-z0-9]+)*$"},
            "additionalProperties": _list_of({"type": ["string", "integer"]}),
        },
        "clauses": _list_of({"$ref": "#/$defs/clause"}),
        "otherwise": {"$ref": "#/$defs/otherwise"},
        **{name: headings[name] for name in ("status", "authority", "verified", "clock") if name in headings},
        **lists,
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A policy of the Interop Sandbox",
        "type": "object",
        "properties": {name: properties[name] for name in (*REQUIRED, *OPTIONAL) if name in properties},
        "required": list(REQUIRED),
        "additionalProperties": False,
        "allOf": [_answers_of(question) for question in vocabulary.questions.values()],
        "$defs": {
            "clause": _clause(lists["tags"], conditional=True),
            "otherwise": _clause(lists["tags"], conditional=False),
            "condition": {
                "anyOf": [{"const": "always"}, {"$ref": "#/$defs/tests"}, _list_of({"$ref": "#/$defs/tests"})]
            },
            "tests": {
                "type": "object",
                "minProperties": 1,
                "properties": {name: _fact(fact) for name, fact in vocabulary.facts.items()},
                "additionalProperties": False,
            },
        },
    }


def _clause(tags: Json, *, conditional: bool) -> Json:
    condition: Json = {"$ref": "#/$defs/condition"}
    conditions: Json = {"when": condition, "unless": condition, "notwithstanding": _list_of(NAME)}
    return {
        "type": "object",
        "properties": {
            "clause": {**NAME, "description": "Its name in the instrument, as (a)(1)"},
            "text": TEXT,
            "source": TEXT,
            **(conditions if conditional else {}),
            "then": {"type": ["object", "string"]},
            "tags": tags,
            "note": TEXT,
        },
        "required": ["clause", "text", *(["when"] if conditional else []), "then"],
        "additionalProperties": False,
    }


def _answers_of(question: Question) -> Json:
    """What `then` may say in a policy on this question."""
    answer: Json = {"enum": list(question.answers)}
    if question.has_levers:
        levers = dict.fromkeys(question.levers, answer)
        answer = {"type": "object", "properties": levers, "additionalProperties": False, "minProperties": 1}
    then = {"properties": {"then": answer}}
    return {
        "if": {"properties": {"question": {"const": question.name}}, "required": ["question"]},
        "then": {"properties": {"clauses": {"items": then}, "otherwise": then}},
    }


def _fact(fact: Fact) -> Json:
    """The tests of a fact: its values to choose from, or a pattern for everything else that can be said of it."""
    described = {"description": f"{fact.about} ({fact.describe()})"} if fact.about else {}
    words = [spell(value) for value in fact.domain]
    if fact.kind is Kind.NUMBER:
        numbers = [value for value in fact.domain if isinstance(value, int)]
        value = "([0-9]+|never)" if len(numbers) < len(fact.domain) else "[0-9]+"
        pattern = f"{value}( or {value})*|not {value}|{_comparisons('[0-9]+')}"
        whole = {"type": "integer", "minimum": numbers[0], "maximum": numbers[-1]}
        return {**described, "anyOf": [whole, {"type": "string", "pattern": f"^({pattern})$"}]}
    value = _one_of(words)
    patterns = [rf"{value}( or {value})+", f"not {value}", "(not )?in [a-z0-9_]+"]
    if fact.kind is Kind.ORDERED:
        patterns.append(_comparisons(value))
    return {**described, "anyOf": [{"enum": words}, {"type": "string", "pattern": f"^({'|'.join(patterns)})$"}]}


def _comparisons(value: str) -> str:
    return f"(at least|at most|more than|less than) {value}|between {value} and {value}"


def _one_of(words: Iterable[str]) -> str:
    return f"({'|'.join(re.escape(word).replace(chr(92) + '-', '-') for word in words)})"


def _list_of(items: Json) -> Json:
    return {"type": "array", "items": items, "minItems": 1}
