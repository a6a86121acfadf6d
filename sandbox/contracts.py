"""The contract in `contracts/`, read by a program: what an event looks like, who reads it, what it discloses.

Everything comes from the document and its schemas; this module knows no service and no event type. So it can be held
against the services, and against the streams of a run (`violations`), whoever wrote them.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Literal

from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import ValidationError, best_match
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from services.chassis.errors import InteropError

CONTRACTS = Path(__file__).resolve().parent.parent / "contracts"
DOCUMENT = "asyncapi.yaml"

CONTROL = "clock"
"""The source of the events that disclose nothing and that everybody is handed."""

Json = dict[str, Any]
Row = dict[str, Any]
"""A disclosure as events carry it: from, to, categories, basis, purpose."""

_ROW = ("from", "to", "categories", "basis", "purpose")
_FORMATS = FormatChecker(("date", "date-time", "uuid"))
_MISSING = object()
_LONGEST_SENTENCE = 300


class ContractError(InteropError):
    """The contract itself has a mistake; the sentence names the file."""

    def __init__(self, sentence: str) -> None:
        super().__init__("bad-contract", sentence)


@dataclass(frozen=True, slots=True)
class Declaration:
    """A disclosure that a message declares, and when it makes it.

    `when` maps fields of the data (dotted names lead into objects) to the values that they may have; where it is empty
    the disclosure is always made.
    """

    when: Mapping[str, Sequence[Any]]
    row: Row

    def applies(self, data: Json) -> bool:
        """Whether an event with this data makes the disclosure."""
        return all(_look_up(data, name) in values for name, values in self.when.items())


@dataclass(frozen=True, slots=True)
class Operation:
    """A service that sends a type of event, or a consumer group that receives it.

    `party` is whom it acts for; None acts for nobody and sees everything. A sender has no `group`.
    """

    name: str
    action: Literal["send", "receive"]
    event_type: str
    service: str
    group: str | None
    party: str | None


@dataclass(frozen=True, slots=True)
class Message:
    """A type of event. The schemas (of the whole event, and of its data) hold no references any more."""

    event_type: str
    address: str
    source: str
    schema: Json
    data_schema: Json
    examples: Sequence[Json]
    declarations: Sequence[Declaration]
    validator: Draft202012Validator = field(repr=False)

    def disclosures(self, data: Json) -> list[Row]:
        """The disclosures that are declared for an event with this data, in the order of its hops."""
        return [declaration.row for declaration in self.declarations if declaration.applies(data)]


@dataclass(frozen=True, slots=True)
class Contract:
    """The whole document: messages by event type, and operations."""

    messages: Mapping[str, Message]
    operations: Sequence[Operation]

    def readers(self, event_type: str) -> list[str]:
        """The consumer groups that receive a type of event."""
        receivers = [row for row in self.operations if row.action == "receive" and row.event_type == event_type]
        return [row.group for row in receivers if row.group is not None]

    def may_be_handed(self, event: Json, party: str) -> bool:
        """Whether the contract lets `party` have this event: by what is declared, whatever is stamped on it.

        Args:
            event: an event that keeps the contract.
            party: whom a consumer group acts for.
        """
        if event["source"] in (party, CONTROL):
            return True
        declared = self.messages[event["type"]].disclosures(event["data"])
        return any(row["to"] == party for row in declared)

    def violations(self, event: object) -> list[str]:
        """What is wrong with an event as it was read from a stream, a sentence each; empty when nothing is.

        Checked are the envelope, the data, and that exactly the declared disclosures are stamped on it.
        """
        if not isinstance(event, dict):
            return ["the event is not a JSON object"]
        message = self.messages.get(str(event.get("type")))
        if message is None:
            return [f"type: {event.get('type')!r} is no event of this contract"]
        found = [_sentence(error) for error in message.validator.iter_errors(event)]
        return sorted(set(found)) or _wrong_stamps(message, event["data"])


def load_contract(folder: Path = CONTRACTS) -> Contract:
    """Reads the contract in a folder.

    Raises:
        ContractError: it does not hang together.
    """
    files = _Files(folder)
    document = files.resolved(DOCUMENT)
    try:
        messages = {name: _message(name, channel) for name, channel in document["channels"].items()}
        operations = [_operation(name, row, document) for name, row in files.raw(DOCUMENT)["operations"].items()]
    except (KeyError, TypeError, ValueError) as error:
        raise ContractError(f"{folder / DOCUMENT} lacks something: {error!r}") from error
    return Contract(messages, operations)


@cache
def the_contract() -> Contract:
    """The contract of this repository, read once."""
    return load_contract()


def violations(event: object) -> list[str]:
    """What is wrong with an event by the contract of this repository: see `Contract.violations`."""
    return the_contract().violations(event)


class _Files:
    """The files of a contract, read once each, and what their references lead to."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._raw: dict[str, Any] = {}

    def raw(self, name: str) -> Any:
        """The content of a file, with its references as they stand."""
        if name not in self._raw:
            path = self.folder / name
            try:
                text = path.read_text(encoding="utf-8")
                self._raw[name] = json.loads(text) if path.suffix == ".json" else YAML(typ="safe", pure=True).load(text)
            except (OSError, ValueError, YAMLError) as error:
                raise ContractError(f"{path} cannot be read: {error}") from error
        return self._raw[name]

    def resolved(self, name: str) -> Any:
        """The content of a file with what its references lead to in their place."""
        return self._resolve(self.raw(name), name, ())

    def _resolve(self, node: Any, name: str, trail: tuple[str, ...]) -> Any:
        if isinstance(node, list):
            return [self._resolve(item, name, trail) for item in node]
        if not isinstance(node, dict):
            return node
        if "$ref" not in node:
            return {key: self._resolve(value, name, trail) for key, value in node.items() if key != "$defs"}
        if len(node) > 1:
            raise ContractError(f"{self.folder / name}: a reference with something beside it: {node}")
        return self._follow(node["$ref"], name, trail)

    def _follow(self, reference: str, name: str, trail: tuple[str, ...]) -> Any:
        path, _, pointer = reference.partition("#")
        target = str(Path(name).parent / path) if path else name
        full = f"{target}#{pointer}"
        if full in trail:
            raise ContractError(f"{self.folder / name}: {reference} leads back to itself")
        found = self.raw(target)
        for part in pointer.split("/")[1:]:
            key = part.replace("~1", "/").replace("~0", "~")
            if not isinstance(found, dict) or key not in found:
                raise ContractError(f"{self.folder / name}: {reference} leads nowhere")
            found = found[key]
        return self._resolve(found, target, (*trail, full))


def _message(event_type: str, channel: Json) -> Message:
    (message,) = channel["messages"].values()
    schema = {"allOf": message["payload"]["allOf"]}
    own = schema["allOf"][-1]["properties"]
    return Message(
        event_type=event_type,
        address=channel["address"],
        source=own["source"]["const"],
        schema=schema,
        data_schema=own["data"],
        examples=[example["payload"] for example in message["examples"]],
        declarations=[_declaration(row) for row in message["x-disclosures"]],
        validator=Draft202012Validator(schema, format_checker=_FORMATS),
    )


def _declaration(declared: Json) -> Declaration:
    when = {} if declared["when"] == "always" else declared["when"]
    values = {name: value if isinstance(value, list) else [value] for name, value in when.items()}
    return Declaration(values, {name: declared[name] for name in _ROW})


def _operation(name: str, row: Json, document: Json) -> Operation:
    event_type = row["channel"]["$ref"].removeprefix("#/channels/")
    if event_type not in document["channels"]:
        raise ValueError(f"{name} is on no channel of the document")
    return Operation(name, row["action"], event_type, row["x-service"], row.get("x-group"), row.get("x-acts-for"))


def _look_up(data: Any, name: str) -> Any:
    for part in name.split("."):
        data = data.get(part, _MISSING) if isinstance(data, dict) else _MISSING
    return data


def _sentence(error: ValidationError) -> str:
    if error.validator == "oneOf" and error.context:
        return f"{_place(error)}fits no variant: {', '.join(_misfits(error))}"
    deepest = best_match(iter([error])) or error
    sentence = f"{_place(deepest)}{deepest.message}"
    return sentence if len(sentence) <= _LONGEST_SENTENCE else f"{sentence[:_LONGEST_SENTENCE]} ..."


def _misfits(error: ValidationError) -> Iterator[str]:
    """Why an event is none of its variants, each by its title."""
    variants: Any = error.validator_value
    for number, variant in enumerate(variants):
        first = next(reason for reason in error.context or () if reason.schema_path[0] == number)
        yield f"'{variant['title']}' ({_sentence(first)})"


def _place(error: ValidationError) -> str:
    place = ".".join(str(part) for part in error.absolute_path)
    return f"{place}: " if place else ""


def _wrong_stamps(message: Message, data: Json) -> list[str]:
    stamped = [_comparable(row) for row in data["disclosures"]]
    declared = [_comparable(row) for row in message.disclosures(data)]
    found = [f"data.disclosures: {_spell(row)} is declared and not stamped" for row in _without(declared, stamped)]
    found += [f"data.disclosures: {_spell(row)} is stamped and not declared" for row in _without(stamped, declared)]
    if not found and stamped != declared:
        found.append("data.disclosures: the declared ones, in another order or more than once")
    return found


def _comparable(row: Row) -> Row:
    return {name: sorted(row[name]) if name == "categories" else row[name] for name in _ROW}


def _without(rows: Sequence[Row], others: Sequence[Row]) -> Iterator[Row]:
    return (row for row in rows if row not in others)


def _spell(row: Row) -> str:
    return f"{row['from']} -> {row['to']} ({', '.join(row['categories'])}; {row['basis']}; {row['purpose']})"
