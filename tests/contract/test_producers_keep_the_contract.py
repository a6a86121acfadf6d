"""What a service writes is what the contract declares: its fields, their values, and each variant's disclosures."""

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings as hypothesis_settings, strategies as st
from jsonschema import Draft202012Validator
from pydantic import BaseModel, TypeAdapter, ValidationError
from pydantic_core import from_json, to_json

from sandbox.contracts import CONTRACTS, Contract, Message, the_contract
from services.biometric_match.app import PUBLISHES as FEDERAL
from services.biometric_match.events import Galleries, RecordMixes
from services.booking.app import PUBLISHES as LOCAL
from services.booking.clock import Reading
from services.booking.domain import Place
from services.booking.events import BookingRequest, Prints
from services.booking.identifiers import ANumber, FreeText, Label, Oca, Ori, Sid
from services.booking.intake import _item
from services.chassis.envelope import CLOCK, Produced, encode, event_id
from services.chassis.service import Service
from services.detainer.app import PUBLISHES as DETAINER
from tests.contract.house import House, Raw
from tests.contract.instances import BEYOND_SCHEMAS, CONTRACT, fields, instances, model_schema
from tests.contract.story import ORI, PERSON, REGIME, document, request, settings, sharing

Model = TypeVar("Model", bound=BaseModel)

DEFINITIONS = CONTRACTS / "schemas" / "definitions.json"
PRODUCED = (*LOCAL, *FEDERAL, *DETAINER)

CHECKED_BEFORE = {
    "ori", "oca", "label", "birth_year", "place_of_birth", "a_number", "sid",  # at the door, by BookingRequest
    "agencies",  # by a function, also the keys, which no schema shows
    "as_of", "custody_location",  # in the event that is answered
    "sha256", "max_hold_hours",  # by the policy's loader
    "records", "galleries",  # by nobody before their reader: to booking they are opaque
    "disclosures",  # one of the tables in events.py: see the variants below
}  # fmt: skip
"""Fields of which a model says less than the contract, because their values were checked before they got there."""

PASSED_ON = {
    "identification.returned.v1": {"convictions"},  # from the table of offences
    "immigration.status.returned.v1": {"convictions", "charge"},  # and from the submission
}

ON_NO_FILE = 9_999
ONLY_IN_IAFIS = 17
ONLY_IN_IDENT = 1_203


@pytest.mark.parametrize("model", PRODUCED, ids=lambda model: model.event_type)
def test_a_model_declares_the_fields_of_its_schema_and_no_others(model: type[Produced], contract: Contract) -> None:
    message = contract.messages[model.event_type]

    declared = {path for path in fields(message.data_schema) if not path.startswith(("records.", "galleries."))}

    assert set(fields(model_schema(model))) == declared
    assert message.source == model.party


@pytest.mark.parametrize(("name", "model"), [("records", RecordMixes), ("galleries", Galleries)])
def test_the_opaque_settings_are_those_that_their_reader_knows(name: str, model: Any, contract: Contract) -> None:
    declared = contract.messages["run.opened.v1"].data_schema["properties"][name]

    assert set(fields(model_schema(model))) == set(fields(declared))


@pytest.mark.parametrize("model", PRODUCED, ids=lambda model: model.event_type)
def test_whatever_a_model_holds_is_valid_when_it_is_written(model: type[Produced]) -> None:
    message = the_contract().messages[model.event_type]
    validator = _without_variants(message)
    checked = CHECKED_BEFORE | PASSED_ON.get(model.event_type, set())
    declared = {path.split(".")[-1]: part for path, part in fields(message.data_schema).items()}
    overrides = {name: instances(declared[name], BEYOND_SCHEMAS) for name in checked & declared.keys()}

    @CONTRACT
    @given(_accepted(model, instances(model_schema(model), {**overrides, **BEYOND_SCHEMAS})))
    def holds(data: Produced) -> None:
        event = from_json(_encoded(data))
        assert [error.message for error in validator.iter_errors(event)] == []

    holds()


NEAR_MISSES = "0189AZaz- ._\u0661"
"""Letters of identifiers, what separates them, and a digit that is not an ASCII one."""

AT_THE_DOOR = {
    "ori": (Ori, "ZZ0010000"),
    "oca": (Oca, "HERON-41"),
    "label": (Label, "Heron-41"),
    "aNumber": (ANumber, "A000123456"),
    "sid": (Sid, "ZZ1234567"),
    "freeText": (FreeText, "SHOPLIFTING 250-30A"),
}
"""The kinds of text that are checked at the door, by their names in the contract, with one of each that is fine."""


@pytest.mark.parametrize("name", AT_THE_DOOR)
def test_the_door_lets_in_the_texts_that_the_contract_allows_and_no_others(name: str) -> None:
    kind, fine = AT_THE_DOOR[name]
    door = TypeAdapter(kind)
    allowed = Draft202012Validator({"$ref": f"#/$defs/{name}", **json.loads(DEFINITIONS.read_text(encoding="utf-8"))})
    near = st.builds(
        lambda start, middle, end: fine[:start] + middle + fine[end:],
        st.integers(0, len(fine)),
        st.text(NEAR_MISSES, max_size=3) | st.from_regex(r"[0-9]{3}[ ._-]?[0-9]{2,3}[ ._-]?[0-9]{2,4}", fullmatch=True),
        st.integers(0, len(fine)),
    )

    @hypothesis_settings(CONTRACT, max_examples=150)
    @example(fine)
    @given(near)
    def holds(text: str) -> None:
        assert _accepts(door, text) is allowed.is_valid(text)

    holds()


def test_a_booking_that_was_let_in_is_written_as_the_contract_has_it(contract: Contract) -> None:
    declared = {
        path.split(".")[-1]: part
        for event_type in ("booking.recorded.v1", "fingerprints.submitted.v1")
        for path, part in fields(contract.messages[event_type].data_schema).items()
    }
    texts = {name: instances(declared[name]) for name in ("ori", "oca", "label", "a_number", "sid")}
    overrides = {**BEYOND_SCHEMAS, **texts, "custody": st.none()}

    @CONTRACT
    @given(_accepted(BookingRequest, instances(model_schema(BookingRequest), overrides)))
    def holds(booking: BookingRequest) -> None:
        reading = Reading(date(2009, 6, 11), ZoneInfo("America/New_York"), "open")
        for _, event in _item("contract", booking, reading, Place({}, frozenset(), reading.zone), None).appends:
            assert contract.violations(from_json(event)) == []

    holds()


def test_a_finger_has_a_code_and_a_quality_or_neither() -> None:
    with pytest.raises(ValidationError):
        Prints(codes=["0123456789abcdef", *[None] * 9], qualities=[None] * 10)


VARIANTS: Mapping[str, tuple[dict[str, Any], dict[str, Any], list[tuple[str, dict[str, Any], list[str]]]]] = {
    "a detainer is lodged, ICE is told, it comes during the hold, and the agency is told the end": (
        {},
        {},
        [
            ("booking.recorded.v1", {}, []),
            ("fingerprints.submitted.v1", {}, ["LEA>SIB", "SIB>FBI"]),
            ("identification.returned.v1", {"srf": "I"}, ["FBI>SIB", "SIB>LEA"]),
            ("immigration.searched.v1", {"result": "match"}, ["FBI>DHS", "DHS>FBI"]),
            ("immigration.status.returned.v1", {}, ["FBI>LESC", "LESC>ICE", "LESC>FBI", "FBI>SIB", "SIB>LEA"]),
            ("detainer.decided.v1", {"action": "lodged"}, ["ICE>LEA"]),
            ("custody.changed.v1", {"stage": "detainer_on_file"}, []),
            ("custody.changed.v1", {"stage": "charged"}, []),
            ("custody.changed.v1", {"stage": "releasable"}, []),
            ("custody.changed.v1", {"stage": "hold_started"}, []),
            ("custody.changed.v1", {"stage": "transferred"}, ["LEA>ICE"]),
            ("cooperation.decided.v1", {"as_of": "detainer_on_file", "told": True}, ["LEA>ICE"]),
            ("cooperation.decided.v1", {"as_of": "hold_started", "told": False}, []),
            ("custody.claimed.v1", {"told": True}, ["ICE>LEA"]),
            ("outcome.recorded.v1", {"feedback": True}, ["ICE>LEA"]),
            ("run.opened.v1", {}, []),
            ("day.ended.v1", {}, []),
            ("day.closed.v1", {}, []),
        ],
    ),
    "the agency is not told the end": (
        {"feedback": False},
        {},
        [("outcome.recorded.v1", {"feedback": False}, [])],
    ),
    "ICE is not told, comes all the same, and finds nobody": (
        {"discretion": {"ask_status": 0, "notify": 0, "hold": 0, "transfer": 1, "access": 1}},
        {},
        [
            ("cooperation.decided.v1", {"told": False}, []),
            ("custody.claimed.v1", {"told": False}, ["ICE>LEA"]),
            ("custody.changed.v1", {"stage": "released"}, []),
        ],
    ),
    "ICE is told and does not come": (
        {"pickup": {"told_rate": {"otherwise": 0}, "untold_rate": 0, "within_hours": 60}},
        {},
        [
            ("custody.changed.v1", {"stage": "hold_expired"}, []),
            ("custody.changed.v1", {"stage": "released"}, []),
        ],
    ),
    "a court case of every stage": (
        {},
        {
            "custody": {
                "charge_filed_at": "2009-06-12T13:30:00Z",
                "held_to_answer_at": "2009-06-13T13:30:00Z",
                "bond_posted_at": "2009-06-14T13:30:00Z",
                "disposed_at": "2009-06-15T13:30:00Z",
                "release_at": "2009-06-16T21:00:00Z",
            }
        },
        [
            ("custody.changed.v1", {"stage": "charged"}, []),
            ("custody.changed.v1", {"stage": "held_to_answer"}, []),
            ("custody.changed.v1", {"stage": "bond_posted"}, []),
            ("custody.changed.v1", {"stage": "disposed"}, []),
        ],
    ),
    "no priority": (
        {"records": {"status_weights": {"naturalized_citizen": 1}}},
        {},
        [("detainer.decided.v1", {"action": "no_action", "reason": "no_priority"}, [])],
    ),
    "no capacity": (
        {"capacity_per_day": {"eastern": 0}},
        {},
        [("detainer.decided.v1", {"action": "no_action", "reason": "no_capacity"}, [])],
    ),
    "booked under one regime, decided under the next": (
        {
            "ice_priority": [
                {"from": "2009-06-11", **document("before", REGIME)},
                {"from": "2009-06-12", **document("after", REGIME.replace("then: other", "then: level_3"))},
            ]
        },
        {},
        [("detainer.decided.v1", {"action": "lodged", "priority": "level_3"}, ["ICE>LEA"])],
    ),
    "a visitor of whom there is no other file": (
        {"records": {"status_weights": {"visa_overstay": 1}}},
        {"person": ONLY_IN_IDENT},
        [
            ("identification.returned.v1", {"srf": "N", "error": None}, ["FBI>SIB", "SIB>LEA"]),
            (
                "immigration.status.returned.v1",
                {"convictions": []},
                ["FBI>LESC", "LESC>ICE", "LESC>FBI", "FBI>SIB", "SIB>LEA"],
            ),
        ],
    ),
    "no match, and a rap sheet": (
        {},
        {"person": ONLY_IN_IAFIS},
        [
            ("identification.returned.v1", {"srf": "I"}, ["FBI>SIB", "SIB>LEA"]),
            ("immigration.searched.v1", {"result": "no_match"}, ["FBI>DHS", "DHS>FBI"]),
            ("encounter.enrolled.v1", {"day": "2009-06-11"}, []),
        ],
    ),
    "no match": (
        {},
        {"person": ON_NO_FILE},
        [
            ("immigration.searched.v1", {"result": "no_match"}, ["FBI>DHS", "DHS>FBI"]),
            ("arrest.enrolled.v1", {"day": "2009-06-11"}, []),
            ("encounter.enrolled.v1", {"day": "2009-06-11"}, []),
        ],
    ),
    "prints that cannot be searched": (
        {},
        {"prints": {"codes": [None] * 10, "qualities": [None] * 10}},
        [
            ("identification.returned.v1", {"error": "too_few_fingers"}, ["FBI>SIB", "SIB>LEA"]),
            ("immigration.searched.v1", {"result": "error"}, ["FBI>DHS", "DHS>FBI"]),
        ],
    ),
    "cited instead of booked": (
        {"sharing": sharing("cite")},
        {},
        [("booking.recorded.v1", {"handled": "cited"}, [])],
    ),
    "booked, and the prints kept": (
        {"sharing": sharing("keep")},
        {},
        [("booking.recorded.v1", {"handled": "kept"}, [])],
    ),
    "submitted, and not relayed": (
        {"sharing": sharing("submit")},
        {},
        [
            ("booking.recorded.v1", {"handled": "submitted"}, []),
            ("fingerprints.submitted.v1", {}, ["LEA>SIB", "SIB>FBI"]),
            ("identification.returned.v1", {"srf": "I"}, ["FBI>SIB", "SIB>LEA"]),
        ],
    ),
}
"""What is changed in the run and in the booking of Heron-41, and what is then said, with the hops that it discloses."""


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_variant_is_stamped_as_declared(
    variant: str, services: Mapping[str, Service], contract: Contract
) -> None:
    run, booking, expected = VARIANTS[variant]
    house = House(services, "contract-variant", settings(**run))
    house.book(request(**booking))

    events = house.finish()

    assert {event["id"]: contract.violations(event) for event in events if contract.violations(event)} == {}
    for event_type, data, hops in expected:
        said = house.said(event_type, **data)
        assert said, f"no {event_type} with {data}"
        assert [_hops(event) for event in said] == [hops] * len(said)


@pytest.mark.parametrize(
    ("answer", "types"),
    [
        pytest.param("cite", {"booking.recorded.v1"}, id="cited"),
        pytest.param("keep", {"booking.recorded.v1"}, id="kept"),
        pytest.param(
            "submit",
            {"booking.recorded.v1", "fingerprints.submitted.v1", "identification.returned.v1"},
            id="not relayed",
        ),
    ],
)
def test_of_prints_that_go_less_far_nothing_else_is_ever_said(
    answer: str, types: set[str], services: Mapping[str, Service]
) -> None:
    house = House(services, "contract-variant", settings(sharing=sharing(answer)))
    tcn = house.book(request())

    events = house.finish()

    assert {event["type"] for event in events if event.get("tcn") == tcn} == types
    told = {row["to"] for event in events for row in event["data"]["disclosures"]}
    assert told & {"DHS", "LESC", "ICE"} == set()


def test_somebody_who_matched_nobody_is_known_by_that_on_a_later_day_and_not_on_the_same(
    services: Mapping[str, Service], contract: Contract
) -> None:
    house = House(services, "contract-known", settings())
    house.book(request(ON_NO_FILE, "WREN-1"))
    house.book(request(ON_NO_FILE, "WREN-2", booked_at="2009-06-12T02:55:00Z"))
    house._close_day()
    house.book(request(ON_NO_FILE, "WREN-3", booked_at="2009-06-12T14:00:00Z"))

    events = house.finish()

    assert [violation for event in events for violation in contract.violations(event)] == []
    assert [event["data"]["srf"] for event in house.said("identification.returned.v1")] == ["N", "N", "I"]
    searches = house.said("immigration.searched.v1")
    assert [event["data"]["result"] for event in searches] == ["no_match", "no_match", "known_encounter"]
    enrolled = [house.said(f"{kind}.enrolled.v1") for kind in ("arrest", "encounter")]
    assert [event["subject"][-6:] for event in (*enrolled[0], *enrolled[1])] == ["WREN-1", "WREN-2"] * 2
    assert searches[-1]["data"]["fin"] in {event["data"]["fin"] for event in enrolled[1]}
    assert house.said("immigration.status.returned.v1") == []


def test_where_ident_keeps_no_arrests_only_the_fbi_knows_somebody_again(services: Mapping[str, Service]) -> None:
    house = House(services, "contract-known", settings(galleries={"rows": 1000, "retain_no_match": False}))
    house.book(request(ON_NO_FILE, "WREN-1"))
    house._close_day()
    house.book(request(ON_NO_FILE, "WREN-2", booked_at="2009-06-12T14:00:00Z"))

    house.finish()

    assert [event["data"]["srf"] for event in house.said("identification.returned.v1")] == ["N", "I"]
    assert [event["data"]["result"] for event in house.said("immigration.searched.v1")] == ["no_match", "no_match"]
    assert house.said("encounter.enrolled.v1") == []


def test_a_run_that_was_opened_without_a_sharing_policy_shares_everything(services: Mapping[str, Service]) -> None:
    house = House(services, "contract-variant", settings())
    (opened,) = house.events
    del opened["data"]["sharing"]
    house._publish(to_json(opened))
    house.book(request())

    house.finish()

    assert house.said("booking.recorded.v1", handled="submitted")
    assert house.said("immigration.searched.v1", result="match")


def test_the_variants_leave_no_declared_disclosure_out(contract: Contract) -> None:
    shown = {(event_type, hop) for _, _, said in VARIANTS.values() for event_type, _, hops in said for hop in hops}

    declared = {
        (message.event_type, f"{declaration.row['from']}>{declaration.row['to']}")
        for message in contract.messages.values()
        for declaration in message.declarations
    }
    assert shown == declared


def test_the_people_of_the_variants_are_on_the_files_that_they_are_said_to_be_on() -> None:
    rows, overlap = settings().galleries["rows"], settings().galleries["overlap"]

    assert 0 <= ONLY_IN_IAFIS < rows - overlap <= PERSON < rows <= ONLY_IN_IDENT < 2 * rows - overlap <= ON_NO_FILE


def _hops(event: Raw) -> list[str]:
    return [f"{row['from']}>{row['to']}" for row in event["data"]["disclosures"]]


def _accepts(door: TypeAdapter[Any], text: str) -> bool:
    try:
        door.validate_python(text)
    except ValidationError:
        return False
    return True


def _accepted(model: type[Model], drawn: st.SearchStrategy[Any]) -> st.SearchStrategy[Model]:
    """What the model takes of what is drawn by its own schema: its functions check more than the schema shows."""

    def taken(data: dict[str, Any]) -> Model | None:
        try:
            return model.model_validate(data)
        except ValidationError:
            return None

    return drawn.map(taken).filter(lambda data: data is not None)  # type: ignore[return-value]


def _encoded(data: Produced) -> bytes:
    is_control = data.party == CLOCK
    tcn = None if is_control else "ZZ0123456789ABCDEF"
    about = "2009-06-11" if tcn is None else tcn
    return encode(
        data,
        identity=event_id("contract", data.event_type, about, 0),
        runid="contract",
        subject=about if is_control else f"{ORI}/B-1",
        time=datetime(2009, 6, 11, 4, tzinfo=UTC),
        tcn=tcn,
        cause=None if is_control else event_id("contract", "cause", about, 0),
    )


def _without_variants(message: Message) -> Draft202012Validator:
    """By fields alone. Which values go together is for the handlers to keep, and is tested with what they say."""
    *others, own = message.schema["allOf"]
    data = {key: part for key, part in message.data_schema.items() if key != "oneOf"}
    own = {**own, "properties": {**own["properties"], "data": data}}
    return Draft202012Validator({"allOf": [*others, own]}, format_checker=message.validator.format_checker)
