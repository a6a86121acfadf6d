"""The document hangs together: references, schemas, examples, disclosures; and the official parser accepts it."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from uuid import UUID, uuid5

import pytest
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML

from sandbox.contracts import CONTRACTS, DOCUMENT, Contract
from services.chassis.envelope import event_id
from services.chassis.service import Service
from tests.contract.instances import fields
from tests.contract.story import EXAMPLES, told, written

SCHEMAS = CONTRACTS / "schemas"
TEXT = (CONTRACTS / DOCUMENT).read_text(encoding="utf-8")
SHARED = {"envelope", "definitions"}

PARSER = Path(__file__).parent / "asyncapi_parser"
INSTALL = f"npm ci --prefix {PARSER.relative_to(CONTRACTS.parent)} --ignore-scripts --no-audit --no-fund"
ADVICE = {"asyncapi-latest-version"}
"""What the parser may remark: that there is a newer AsyncAPI than 3.0, which is the one that tools read today."""


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    loaded: dict[str, Any] = YAML(typ="safe", pure=True).load(TEXT)
    return loaded


def references(node: Any) -> Iterator[str]:
    """Every `$ref`, at every level."""
    if isinstance(node, dict):
        yield from [node["$ref"]] if "$ref" in node else []
    children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    for child in children:
        yield from references(child)


# What a contract that loads has shown already: that every reference leads somewhere.


def test_every_file_is_referred_to(document: dict[str, Any]) -> None:
    schemas = {path.name: json.loads(path.read_text(encoding="utf-8")) for path in SCHEMAS.glob("*.json")}
    from_document = {reference.partition("#")[0] for reference in references(document)} - {""}
    from_schemas = {reference.partition("#")[0] for schema in schemas.values() for reference in references(schema)} - {
        ""
    }

    files = {str(path.relative_to(CONTRACTS)) for folder in (SCHEMAS, EXAMPLES) for path in folder.iterdir()}
    assert files == from_document | {f"schemas/{name}" for name in from_schemas}


@pytest.mark.parametrize("path", sorted(SCHEMAS.glob("*.json")), ids=lambda path: path.stem)
def test_a_schema_is_one_by_json_schema_2020_12(path: Path) -> None:
    schema = json.loads(path.read_text(encoding="utf-8"))

    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    Draft202012Validator.check_schema(schema)


def test_every_channel_is_a_stream_with_one_message_a_schema_and_an_example(
    document: dict[str, Any], contract: Contract
) -> None:
    messages = document["components"]["messages"]
    for event_type, channel in document["channels"].items():
        assert channel["address"] == f"{{0}}:{event_type}"
        assert event_type.endswith(".v1")
        assert channel["messages"] == {event_type: {"$ref": f"#/components/messages/{event_type}"}}
        assert f"{{0}}:{event_type}:dead:<group>" in channel["description"]
        assert messages[event_type]["name"] == event_type
        assert (SCHEMAS / f"{event_type}.json").is_file()
        assert (EXAMPLES / f"{event_type}.json").is_file()
        assert "x-disclosures" in messages[event_type]
    assert {path.stem for path in SCHEMAS.iterdir()} == {*contract.messages, *SHARED}
    assert set(messages) == set(contract.messages)


def test_the_one_parameter_of_an_address_is_its_own_value(document: dict[str, Any]) -> None:
    partition = document["components"]["parameters"]["partition"]

    assert partition["enum"] == ["{0}"] == [partition["default"]]


def test_every_operation_says_who_acts_and_for_whom(contract: Contract) -> None:
    assert len({operation.name for operation in contract.operations}) == len(contract.operations)
    for operation in contract.operations:
        if operation.action == "send":
            assert operation.name == f"{operation.service}.sends.{operation.event_type}"
            assert operation.party == contract.messages[operation.event_type].source
        else:
            reader = operation.group or operation.service
            assert operation.name == f"{reader}.receives.{operation.event_type}"
            assert reader.split(".")[0] == operation.service
            assert (operation.party is None) is (operation.service == "audit")


def test_every_type_is_sent_by_exactly_one_service(contract: Contract) -> None:
    senders = [operation.event_type for operation in contract.operations if operation.action == "send"]

    assert sorted(senders) == sorted(contract.messages)


def test_disclosures_are_declared_by_fields_and_values_that_exist(contract: Contract) -> None:
    for message in contract.messages.values():
        declared = fields(message.data_schema)
        for declaration in message.declarations:
            for name, values in declaration.when.items():
                assert name in message.data_schema["required"] or "." in name, f"{message.event_type}: {name}"
                assert [value for value in values if not Draft202012Validator(declared[name]).is_valid(value)] == []


def test_declared_disclosures_are_such_as_an_event_can_carry(contract: Contract) -> None:
    for message in contract.messages.values():
        stamps = Draft202012Validator(message.data_schema["properties"]["disclosures"])
        assert stamps.is_valid([declaration.row for declaration in message.declarations])


def test_a_chain_of_disclosures_begins_with_somebody_who_has_what_is_disclosed(contract: Contract) -> None:
    """Whoever relays has been told before; whoever begins is the source, or asks the source (as with an IAQ)."""
    for message in contract.messages.values():
        holders = {message.source}
        for declaration in message.declarations:
            sender, recipient = declaration.row["from"], declaration.row["to"]
            assert sender in holders or recipient == message.source, message.event_type
            holders.add(recipient)


def test_control_events_disclose_nothing(contract: Contract) -> None:
    control = {message.event_type for message in contract.messages.values() if message.source == "clock"}

    assert control == {"run.opened.v1", "day.ended.v1", "day.closed.v1"}
    assert not any(contract.messages[event_type].declarations for event_type in control)


def test_what_is_about_the_log_discloses_nothing_and_is_handed_to_no_party(contract: Contract) -> None:
    about_the_log = [message for message in contract.messages.values() if message.source == "audit"]

    assert [message.event_type for message in about_the_log] == ["checkpoint.published.v1"]
    assert about_the_log[0].declarations == []
    assert contract.readers("checkpoint.published.v1") == []


def test_every_example_keeps_the_contract(contract: Contract) -> None:
    examples = [example for message in contract.messages.values() for example in message.examples]

    assert len(examples) == len(list(EXAMPLES.iterdir()))
    assert {example["id"]: contract.violations(example) for example in examples if contract.violations(example)} == {}


def test_the_examples_are_one_case_in_which_every_cause_is_shown() -> None:
    examples = written()
    about_people = {name: event for name, event in examples.items() if event["source"] not in ("clock", "audit")}
    case = {name: event for name, event in about_people.items() if event["subject"] == "ZZ0010000/HERON-41"}

    # Whoever is on file is not enrolled, so that takes somebody else.
    assert about_people.keys() - case.keys() == {"arrest.enrolled.v1", "encounter.enrolled.v1"}
    assert len({event["tcn"] for event in case.values()}) == 1
    assert {event["runid"] for event in examples.values()} == {"contract-example-41", "audit"}
    ids = {event["id"] for event in examples.values()}
    assert len(ids) == len(examples)
    assert [name for name, event in case.items() if event.get("causationid", event["id"]) not in ids] == []
    assert [name for name, event in case.items() if "causationid" not in event] == ["booking.recorded.v1"]


def test_the_examples_are_what_the_services_say(services: Mapping[str, Service]) -> None:
    """If this fails because a service says something else now: `python -m tests.contract.story`."""
    assert told(services) == written()


def test_the_rule_for_ids_is_the_one_that_the_document_gives() -> None:
    (namespace,) = set(re.findall(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", TEXT))
    transferred = written()["custody.changed.v1.transferred"]
    runid, tcn, sequence = transferred["runid"], transferred["tcn"], transferred["data"]["sequence"]

    by_the_document = str(uuid5(UUID(namespace), f"{runid}|custody.changed.v1|{tcn}|{sequence}"))

    assert transferred["id"] == by_the_document == event_id(runid, "custody.changed.v1", tcn, sequence)
    assert namespace in (SCHEMAS / "envelope.json").read_text(encoding="utf-8")


def test_the_official_parser_accepts_the_document(contract: Contract) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node on the PATH: the official parser is an npm package")
    if not (PARSER / "node_modules" / "@asyncapi" / "parser").is_dir():
        pytest.skip(f"the official parser is not installed: {INSTALL}")

    command = [node, str(PARSER / "parse.js"), str(CONTRACTS / DOCUMENT)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)

    parsed = json.loads(done.stdout)
    assert [found for found in parsed["diagnostics"] if found["code"] not in ADVICE] == []
    assert parsed["document"] == {
        "version": "3.0.0",
        "channels": [message.address for message in contract.messages.values()],
        "operations": len(contract.operations),
    }
