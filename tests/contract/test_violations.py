"""`sandbox.contracts.violations` names what is wrong with an event, and a contract with a mistake is not loaded."""

import shutil
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from sandbox.contracts import CONTRACTS, DOCUMENT, Contract, ContractError, load_contract, violations
from tests.contract.story import written

DETAINER = written()["detainer.decided.v1"]
SUBMISSION = written()["fingerprints.submitted.v1"]


def changed(event: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """The event with another value at a path; `...` takes the field away."""
    copy = deepcopy(event)
    *parents, last = path.split(".")
    node: Any = copy
    for name in parents:
        node = node[int(name)] if isinstance(node, list) else node[name]
    if value is ...:
        del node[last]
    else:
        node[int(last) if isinstance(node, list) else last] = value
    return copy


@pytest.mark.parametrize(
    ("path", "value", "sentence"),
    [
        ("id", "42", "id: '42' is not a 'uuid'"),
        ("specversion", "0.3", "specversion: '1.0' was expected"),
        ("source", "LEA", "source: 'ICE' was expected"),
        ("subject", "Heron", "subject: 'Heron' does not match"),
        ("subject", "MA0010000/HERON-41", "does not match"),
        ("time", "2009-06-12 07:07", "time: '2009-06-12 07:07' is not a 'date-time'"),
        ("time", "2009-06-12T07:07:00", "is not a 'date-time'"),
        ("tcn", ..., "'tcn' is a required property"),
        ("causationid", ..., "'causationid' is a required property"),
        ("traceparent", "00-1-2-01", "traceparent: '00-1-2-01' does not match"),
        (
            "dataschema",
            "urn:interop-sandbox:schemas:other",
            "dataschema: 'urn:interop-sandbox:schemas:detainer.decided.v1' was expected",
        ),
        ("data.ori", ..., "data: 'ori' is a required property"),
        ("data.levels.conviction", "level_4", "data.levels.conviction: 'level_4' is not one of"),
        ("data.form", None, "data: fits no variant: 'lodged' (data.form: 'I-247' was expected), 'no action' ("),
        (
            "data.reason",
            "no_capacity",
            "fits no variant: 'lodged' (data.reason: 'priority' was expected), 'no action' (",
        ),
        ("data.basis.sha256", "abc", "data.basis.sha256: 'abc' does not match"),
        ("data.disclosures", ..., "data: 'disclosures' is a required property"),
        ("data.disclosures.0.to", "NSA", "data.disclosures.0.to: 'NSA' is not one of"),
        ("data.disclosures.0.categories", [], "data.disclosures.0.categories: [] should be non-empty"),
        (
            "data.disclosures",
            [],
            "ICE -> LEA (biographic, detainer, immigration_status; 8 CFR 287.7(a); request to hold and to be notified",
        ),
        ("data.disclosures.0.to", "SIB", "ICE -> SIB (biographic, detainer, immigration_status; 8 CFR 287.7(a)"),
        ("data.disclosures.0.basis", "habit", "ICE -> LEA (biographic, detainer, immigration_status; habit"),
    ],
)
def test_what_is_wrong_is_named(path: str, value: Any, sentence: str) -> None:
    found = violations(changed(DETAINER, path, value))

    assert any(sentence in each for each in found), found


def test_a_disclosure_that_is_stamped_twice_or_out_of_order_is_named() -> None:
    first, second = SUBMISSION["data"]["disclosures"]
    sentence = "data.disclosures: the declared ones, in another order or more than once"

    assert violations(changed(SUBMISSION, "data.disclosures", [second, first])) == [sentence]
    assert violations(changed(SUBMISSION, "data.disclosures", [first, second, second])) == [sentence]


def test_the_order_of_categories_says_nothing() -> None:
    categories = DETAINER["data"]["disclosures"][0]["categories"]

    assert violations(changed(DETAINER, "data.disclosures.0.categories", categories[::-1])) == []


def test_a_finger_with_a_code_and_no_quality_is_named() -> None:
    assert violations(changed(SUBMISSION, "data.prints.qualities.3", None)) != []
    assert violations(changed(SUBMISSION, "data.prints.codes.3", None)) != []


def test_fields_that_nobody_knows_are_no_violation() -> None:
    for path in ("added_later", "data.added_later", "data.basis.added_later", "data.disclosures.0.added_later"):
        assert violations(changed(DETAINER, path, {"some": "thing"})) == []


@pytest.mark.parametrize("event", [None, [], "{}", 42])
def test_what_is_no_object_is_no_event(event: object) -> None:
    assert violations(event) == ["the event is not a JSON object"]


@pytest.mark.parametrize("event", [{}, {"type": "detainer.decided.v2"}, {"type": ["detainer.decided.v1"]}])
def test_what_no_channel_carries_is_no_event(event: object) -> None:
    (sentence,) = violations(event)

    assert sentence.endswith("is no event of this contract")


def test_who_may_be_handed_an_event_follows_from_its_data_and_not_from_its_stamps(contract: Contract) -> None:
    told = written()["cooperation.decided.v1"]
    not_told = changed(changed(told, "data.told", False), "data.disclosures", told["data"]["disclosures"])

    assert contract.may_be_handed(told, "ICE")
    assert not contract.may_be_handed(not_told, "ICE")
    assert contract.may_be_handed(not_told, "LEA")


class TestAContractWithAMistake:
    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        return Path(shutil.copytree(CONTRACTS, tmp_path / "contracts"))

    def test_a_copy_without_one_loads(self, folder: Path, contract: Contract) -> None:
        assert load_contract(folder).operations == contract.operations

    @pytest.mark.parametrize(
        ("name", "old", "new", "sentence"),
        [
            (DOCUMENT, "schemas/day.closed.v1.json}", "schemas/day.shut.v1.json}", "day.shut.v1.json cannot be read"),
            (DOCUMENT, "asyncapi: 3.0.0", "asyncapi: [3.0.0", "asyncapi.yaml cannot be read"),
            (
                DOCUMENT,
                "        - when: {told: true, as_of: releasable}\n          from: LEA",
                "        - from: LEA",
                "lacks something: KeyError('when')",
            ),
            ("schemas/definitions.json", '"aNumber"', '"anotherNumber"', "#/$defs/aNumber leads nowhere"),
            (
                "schemas/envelope.json",
                '"$ref": "#/$defs/party"',
                '"$ref": "#/$defs/party", "type": "string"',
                "a reference with something beside it",
            ),
            (
                "schemas/envelope.json",
                '"$ref": "#/$defs/party"',
                '"$ref": "#/$defs/disclosure"',
                "leads back to itself",
            ),
        ],
    )
    def test_says_what_and_where(self, folder: Path, name: str, old: str, new: str, sentence: str) -> None:
        path = folder / name
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")

        with pytest.raises(ContractError) as caught:
            load_contract(folder)

        assert caught.value.code == "bad-contract"
        assert sentence in caught.value.sentence

    def test_an_operation_on_no_channel_is_one(self, folder: Path) -> None:
        path = folder / DOCUMENT
        text = path.read_text(encoding="utf-8").replace(
            "{$ref: '#/channels/day.closed.v1'}\n    x-service: audit",
            "{$ref: '#/components/messages/day.closed.v1'}\n    x-service: audit",
        )
        path.write_text(text, encoding="utf-8")

        with pytest.raises(ContractError, match="is on no channel"):
            load_contract(folder)
