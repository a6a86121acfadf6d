"""The JSON Schema of policy files is fresh, takes every policy of the catalogue, and underlines plain mistakes."""

from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from sandbox.policies.schema import schema_of, text_of_schema
from services.chassis.policy.page import Entries, Items, Node, Page
from tests.unit.policy_files import POLICIES, policy_ids, the_vocabulary

VOCABULARY = the_vocabulary()
VALIDATOR = Draft202012Validator(schema_of(VOCABULARY))
TRUST_ACT = (POLICIES / "us-ca-trust-act-2014.yaml").read_text(encoding="utf-8")


def as_an_editor_reads(node: Node) -> Any:
    """Plain data by YAML 1.2, in which `yes` is a word and a day is one too; quotes are not seen here."""
    match node:
        case Entries(entries):
            return {key.text: as_an_editor_reads(value) for key, value in entries}
        case Items(items):
            return [as_an_editor_reads(item) for item in items]
        case _:
            is_number = node.text.isdecimal() and (node.text == "0" or not node.text.startswith("0"))
            return int(node.text) if is_number else node.text


def complaints(text: str) -> list[str]:
    document = as_an_editor_reads(Page(text, "example.yaml").root)
    return [error.message for error in VALIDATOR.iter_errors(document)]


def test_the_committed_schema_is_the_one_that_the_vocabulary_gives() -> None:
    committed = (POLICIES / "policy.schema.json").read_text(encoding="utf-8")
    assert committed == text_of_schema(VOCABULARY), "run 'interop policies schema > policies/policy.schema.json'"


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(schema_of(VOCABULARY))


@pytest.mark.parametrize("identity", policy_ids())
def test_every_policy_of_the_catalogue_fits_the_schema(identity: str) -> None:
    assert complaints(Path(POLICIES / f"{identity}.yaml").read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ("registry: yes", "regstry: yes"),
        ("registry: yes", "registry: true-ish"),
        ("years_since_felony: not never", "years_since_felony: ever"),
        ("at most 5", "at most five"),
        ("then: {hold: may}", "then: {hodl: may}"),
        ("then: {hold: may}", "then: {hold: maybe}"),
        ("status: enacted", "status: enactd"),
        ("until: 2018-01-03", "until: 2018"),
        ("place: US-CA", "place: US-CA\nplaces: US-CA"),
        ("source: Cal", "sauce: Cal"),
    ],
)
def test_a_plain_mistake_is_underlined(good: str, bad: str) -> None:
    assert good in TRUST_ACT
    assert complaints(TRUST_ACT.replace(good, bad, 1)) != []
