"""What only the agency knows stays with it: no payload that goes to a federal party has a place for it, or holds it."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from sandbox.contracts import Contract, Message
from services.booking.events import BookingRequest, LocalFacts, Papers
from services.chassis.service import Service
from tests.contract.house import House, Raw
from tests.contract.instances import fields, model_schema
from tests.contract.story import document, request, settings

FEDERAL = {"FBI", "DHS", "LESC", "ICE"}
LOCAL = {"local", "papers", *LocalFacts.model_fields, *Papers.model_fields}

SENTINELS = {"local": {"group": "B", "stop_reason": "SENTINEL STOP", "local_offense_code": "SENTINEL CODE"}}
OTHERWISE = {"local": {"group": "A", "stop_reason": None, "local_offense_code": None}}


def can_get_into_federal_hands(message: Message) -> bool:
    return bool(FEDERAL & {message.source, *(declaration.row["to"] for declaration in message.declarations)})


def is_in_federal_hands(event: Raw) -> bool:
    return bool(FEDERAL & {event["source"], *(row["to"] for row in event["data"]["disclosures"])})


def names(node: Any) -> Iterator[str]:
    """Every key of an object, at every level."""
    if isinstance(node, dict):
        yield from node
    children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    for child in children:
        yield from names(child)


def said_about(services: Mapping[str, Service], booking: BookingRequest, **run: Any) -> list[Raw]:
    house = House(services, "contract-local-facts", settings(**run))
    house.book(booking)
    return house.finish()


def test_the_local_facts_are_those_of_the_design() -> None:
    assert {"local", "papers", "group", "stop_reason", "local_offense_code", "lawful_status_proof"} == LOCAL


def test_no_federal_payload_has_a_place_for_a_local_fact(contract: Contract) -> None:
    federal = [message for message in contract.messages.values() if can_get_into_federal_hands(message)]

    assert set(contract.messages) - {message.event_type for message in federal} == {
        "booking.recorded.v1",
        "run.opened.v1",
        "day.ended.v1",
        "day.closed.v1",
        "checkpoint.published.v1",
    }
    for message in federal:
        assert LOCAL & last_names(fields(message.data_schema)) == set(), message.event_type


def test_no_federal_model_has_a_field_for_a_local_fact(services: Mapping[str, Service], contract: Contract) -> None:
    models = [model for service in services.values() for model in service.publishes]

    for model in models:
        if can_get_into_federal_hands(contract.messages[model.event_type]):
            assert LOCAL & last_names(fields(model_schema(model))) == set(), model.__name__


def test_the_facts_that_a_policy_asks_about_are_in_no_event_that_ice_is_handed(contract: Contract) -> None:
    message = contract.messages["custody.changed.v1"]
    transferred = next(event for event in message.examples if event["data"]["stage"] == "transferred")
    leaking = {**transferred, "data": {**transferred["data"], "facts": {"lawful_status_proof": True}}}

    assert contract.violations(transferred) == []
    assert contract.violations(leaking) != []


@pytest.mark.parametrize("proof", [True, False])
def test_no_federal_party_is_handed_a_local_fact(proof: bool, services: Mapping[str, Service]) -> None:
    events = said_about(services, request(**SENTINELS, papers={"lawful_status_proof": proof}))

    federal = [event for event in events if is_in_federal_hands(event)]
    assert len({event["type"] for event in federal}) == 9
    for event in federal:
        assert "SENTINEL" not in json.dumps(event), event["type"]
        assert LOCAL & set(names(event["data"])) == set(), event["type"]


def test_the_agency_itself_keeps_them(services: Mapping[str, Service]) -> None:
    events = said_about(services, request(**SENTINELS))

    (recorded,) = [event for event in events if "SENTINEL" in json.dumps(event)]

    assert recorded["type"] == "booking.recorded.v1"
    assert recorded["data"]["local"] == SENTINELS["local"]
    assert recorded["data"]["disclosures"] == []


def test_other_local_facts_change_nothing_that_anybody_else_is_told(services: Mapping[str, Service]) -> None:
    one = said_about(services, request(**SENTINELS))
    other = said_about(services, request(**OTHERWISE))

    assert [event for event in one if event not in other] == [one[1]]
    assert one[1]["type"] == "booking.recorded.v1"


def test_papers_change_nothing_that_a_federal_party_is_told_unless_a_policy_asks_for_them(
    services: Mapping[str, Service],
) -> None:
    with_proof = said_about(services, request(papers={"lawful_status_proof": True}))
    without = said_about(services, request(papers={"lawful_status_proof": False}))

    assert [event for event in with_proof if is_in_federal_hands(event)] == [
        event for event in without if is_in_federal_hands(event)
    ]


BY_A_LOCAL_FACT = """\
policy: by-a-local-fact
title: Answers by what only the agency knows
question: sharing
place: US
status: example
in_force: {from: 2008-10-01}
source: invented
verified: none
clauses:
  - clause: local
    text: Arrested for minor traffic, which the national code does not show
    when: {charge_is_minor_traffic: yes}
    then: {answer}
otherwise:
  clause: no other
  text: Anybody else
  then: {other}
"""


@pytest.mark.parametrize(
    ("answer", "other", "handled", "relayed"),
    [
        pytest.param("submit", "share", "submitted", True, id="it would hold back, and cannot"),
        pytest.param("share", "submit", "submitted", False, id="it would relay, and cannot"),
        pytest.param("cite", "share", "cited", False, id="it decides at the agency"),
        pytest.param("share", "cite", "submitted", True, id="what the agency submitted is there to be relayed"),
    ],
)
def test_the_federal_half_of_a_sharing_policy_is_not_decided_by_what_only_the_agency_knows(
    answer: str, other: str, handled: str, relayed: bool, services: Mapping[str, Service]
) -> None:
    text = BY_A_LOCAL_FACT.replace("{answer}", answer).replace("{other}", other)
    charge = {"ncic": "5499", "literal": "UNLICENSED DRIVING", "offense_class": "misdemeanor", "minor_traffic": True}

    events = said_about(services, request(charge=charge), sharing=document("by-a-local-fact", text))

    (recorded,) = [event for event in events if event["type"] == "booking.recorded.v1"]
    assert recorded["data"]["handled"] == handled
    assert any(event["type"] == "immigration.searched.v1" for event in events) is relayed


def last_names(paths: Mapping[str, Any]) -> set[str]:
    """The names of fields, by their paths."""
    return {path.replace("[]", "").replace("{}", "").split(".")[-1] for path in paths}
