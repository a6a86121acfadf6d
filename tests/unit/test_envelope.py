"""The envelope: ids that follow from their cause, CloudEvents 1.0 that anybody can read, and who may be handed what."""

import json
import re
from typing import Any, ClassVar
from urllib.parse import urlsplit

import pytest
from hypothesis import given, strategies as st
from pydantic import ValidationError

from services.chassis.envelope import (
    CLOCK,
    CaseId,
    Consumed,
    Disclosure,
    Event,
    Produced,
    encode,
    event_id,
    parties,
    traceparent,
)
from tests.unit.builders import BOOKED_AT, HERON_41, PRESIDENTS_DAY, an_event, boston, disclosed, fifty_times

TO_THE_STATE = disclosed("LEA", "SIB", "biometric", "charge")
TO_THE_FBI = disclosed("SIB", "FBI", "biometric", "charge")


class Submitted(Produced):
    event_type: ClassVar[str] = "prints.sent.v1"
    party: ClassVar[str] = "LEA"

    prints: tuple[str, ...]


class SubmittedSeen(Consumed):
    prints: tuple[str, ...]


class DayPassed(Produced):
    event_type: ClassVar[str] = "day.passed.v1"
    party: ClassVar[str] = CLOCK


IDENTITY = event_id(HERON_41.runid, Submitted.event_type, HERON_41.tcn, 0)


def on_the_wire(**changes: Any) -> bytes:
    usual = {
        "identity": IDENTITY,
        "runid": HERON_41.runid,
        "subject": HERON_41.subject,
        "time": BOOKED_AT,
        "tcn": HERON_41.tcn,
        "cause": "52c3c0b6-6f4a-5d8e-8f0b-4d1f4a3f9a41",
    }
    data = Submitted(prints=("00ff00ff00ff00ff",), disclosures=(TO_THE_STATE, TO_THE_FBI))
    return encode(data, **{**usual, **changes})


# Ids


@pytest.mark.parametrize(
    ("kind", "about", "ordinal", "identity"),
    [
        pytest.param(
            "detainer.decided.v1", "ZZ0041", 0, "7c0cd77a-6364-5129-8323-b62cd31a69c0", id="an effect of a case"
        ),
        pytest.param(
            "custody.changed.v1", "ZZ0041", 3, "2b28525b-a72f-5c7c-97aa-d4c3ac6f9217", id="the fourth stage of a case"
        ),
        pytest.param(
            "day.closed.v1",
            "2010-02-12",
            0,
            "1ef6eab7-7c7e-528a-a3d4-24a70ecec55c",
            id="a control event, named by its day",
        ),
    ],
)
def test_the_id_of_an_effect_stays_what_it_was(kind: str, about: str, ordinal: int, identity: str) -> None:
    assert event_id("heron-run-7", kind, about, ordinal) == identity


names = st.text("abcdefghijklmnopqrstuvwxyz0123456789.-", min_size=1, max_size=12)
causes = st.tuples(names, names, names, st.integers(0, 99))


@fifty_times
@given(one=causes, other=causes)
def test_two_effects_have_one_id_only_if_run_type_case_and_number_agree(
    one: tuple[str, str, str, int], other: tuple[str, str, str, int]
) -> None:
    assert (event_id(*one) == event_id(*other)) == (one == other)


@fifty_times
@given(cause=causes)
def test_the_trace_context_of_any_event_is_valid(cause: tuple[str, str, str, int]) -> None:
    context = traceparent(cause[0], cause[2], event_id(*cause))

    assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-01", context)
    assert "0" * 32 not in context
    assert "-" + "0" * 16 + "-" not in context


def test_the_events_of_one_case_share_a_trace_and_each_is_a_span_of_its_own() -> None:
    first, second, of_another = (
        traceparent("heron-run-7", subject, event_id("heron-run-7", "custody.changed.v1", subject, number))
        for subject, number in [("ZZ0010000/B-41", 0), ("ZZ0010000/B-41", 1), ("ZZ0010000/B-42", 0)]
    )

    assert first[:36] == second[:36] != of_another[:36]
    assert first != second


# On the wire


def test_an_event_is_cloudevents_1_0_in_json() -> None:
    envelope = json.loads(on_the_wire())

    assert envelope.pop("dataschema").endswith(":schemas:prints.sent.v1")
    assert envelope == {
        "specversion": "1.0",
        "id": IDENTITY,
        "source": "LEA",
        "type": "prints.sent.v1",
        "subject": "ZZ0010000/B-41",
        "time": "2010-02-10T14:00:00Z",
        "datacontenttype": "application/json",
        "runid": "heron-run-7",
        "tcn": HERON_41.tcn,
        "causationid": "52c3c0b6-6f4a-5d8e-8f0b-4d1f4a3f9a41",
        "traceparent": traceparent("heron-run-7", "ZZ0010000/B-41", IDENTITY),
        "data": {
            "prints": ["00ff00ff00ff00ff"],
            "disclosures": [
                {
                    "from": "LEA",
                    "to": "SIB",
                    "categories": ["biometric", "charge"],
                    "basis": "8 CFR 287.7",
                    "purpose": "a test",
                },
                {
                    "from": "SIB",
                    "to": "FBI",
                    "categories": ["biometric", "charge"],
                    "basis": "8 CFR 287.7",
                    "purpose": "a test",
                },
            ],
        },
    }


def test_the_attributes_have_names_that_cloudevents_allows() -> None:
    assert all(re.fullmatch(r"[a-z0-9]{1,20}", name) for name in json.loads(on_the_wire()))


def test_the_schema_of_the_data_is_named_by_an_absolute_uri() -> None:
    assert urlsplit(json.loads(on_the_wire())["dataschema"]).scheme


def test_a_control_event_is_about_no_case_and_names_none() -> None:
    identity = event_id("heron-run-7", "day.passed.v1", PRESIDENTS_DAY.isoformat(), 0)
    body = encode(
        DayPassed(disclosures=()),
        identity=identity,
        runid="heron-run-7",
        subject=PRESIDENTS_DAY.isoformat(),
        time=BOOKED_AT,
        tcn=None,
        cause=None,
    )

    envelope = json.loads(body)
    assert (envelope["source"], envelope["subject"]) == ("clock", "2010-02-15")
    assert not {"tcn", "causationid"} & envelope.keys()
    with pytest.raises(ValueError, match=r"day\.passed\.v1 is about no case"):
        _ = Event[Consumed].model_validate_json(body).case


def test_what_is_written_can_be_read_again() -> None:
    event = Event[SubmittedSeen].model_validate_json(on_the_wire())

    assert event.case == HERON_41 == CaseId("heron-run-7", HERON_41.tcn, "ZZ0010000/B-41")
    assert (event.id, event.time, event.data.prints) == (IDENTITY, BOOKED_AT, ("00ff00ff00ff00ff",))
    assert event.data.disclosures == (TO_THE_STATE, TO_THE_FBI)


def test_a_time_keeps_its_moment_in_whatever_zone_it_is_written() -> None:
    event = Event[SubmittedSeen].model_validate_json(on_the_wire(time=boston("2010-03-14 03:30")))
    assert event.time == boston("2010-03-14 03:30")


def test_a_consumer_does_not_stumble_over_what_a_newer_producer_adds() -> None:
    envelope = json.loads(on_the_wire())
    envelope |= {"sequence": "00041", "data": {**envelope["data"], "palms": []}}

    assert Event[SubmittedSeen].model_validate(envelope).id == IDENTITY


def test_a_producer_writes_nothing_that_it_has_not_declared() -> None:
    with pytest.raises(ValidationError, match="Extra inputs are not permitted"):
        Submitted(prints=(), disclosures=(), stop_reason="BROKEN TAIL LIGHT")


@pytest.mark.parametrize("name", ["specversion", "id", "source", "type", "subject", "time", "runid", "data"])
def test_an_event_without_a_required_attribute_is_none(name: str) -> None:
    envelope = json.loads(on_the_wire())
    del envelope[name]

    with pytest.raises(ValidationError, match="Field required"):
        Event[SubmittedSeen].model_validate(envelope)


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"specversion": "0.3"}, id="another version"),
        pytest.param({"time": "2010-02-10T09:00:00"}, id="a time without a zone"),
        pytest.param({"id": ""}, id="an empty id"),
        pytest.param({"id": "4" * 65}, id="an id without end"),
        pytest.param({"data": {"prints": []}}, id="data that says nothing of disclosures"),
    ],
)
def test_what_is_no_event_of_the_house_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Event[SubmittedSeen].model_validate({**json.loads(on_the_wire()), **changes})


# Disclosures


def test_a_payload_has_to_say_what_it_discloses_even_when_that_is_nothing() -> None:
    with pytest.raises(ValidationError, match="disclosures"):
        Submitted(prints=())


@pytest.mark.parametrize("left_out", ["from", "to", "categories", "basis", "purpose"])
def test_a_disclosure_names_both_parties_what_why_and_on_what_basis(left_out: str) -> None:
    whole = TO_THE_STATE.model_dump(by_alias=True)

    assert Disclosure.model_validate(whole) == TO_THE_STATE
    with pytest.raises(ValidationError):
        Disclosure.model_validate({**whole, left_out: ""})


@pytest.mark.parametrize(
    ("party", "handed"),
    [
        pytest.param("LEA", True, id="to its own party"),
        pytest.param("SIB", True, id="to whom it was disclosed"),
        pytest.param("FBI", True, id="to whom it was passed on"),
        pytest.param("ICE", False, id="to nobody else"),
        pytest.param("lea", False, id="to nobody of a similar name"),
    ],
)
def test_an_event_is_handed_to_its_party_and_to_those_it_was_disclosed_to(party: str, handed: bool) -> None:
    event = an_event(Consumed(disclosures=(TO_THE_STATE, TO_THE_FBI)), source="LEA")
    assert event.is_disclosed_to(party) is handed


def test_an_event_without_disclosures_stays_with_its_party() -> None:
    event = an_event(Consumed(disclosures=()), source="LEA")
    assert [party for party in ("LEA", "SIB", "FBI", "DHS", "ICE") if event.is_disclosed_to(party)] == ["LEA"]


def test_to_send_is_not_to_receive() -> None:
    relayed = an_event(Consumed(disclosures=(disclosed("SIB", "FBI"),)), source="LEA")
    assert not relayed.is_disclosed_to("SIB")


@pytest.mark.parametrize("party", ["LEA", "FBI", "ICE"])
def test_everybody_hears_the_clock(party: str) -> None:
    assert an_event(Consumed(disclosures=()), source=CLOCK).is_disclosed_to(party)


def test_the_parties_of_disclosures_are_all_who_send_or_receive() -> None:
    assert parties([TO_THE_STATE, TO_THE_FBI]) == {"LEA", "SIB", "FBI"}
