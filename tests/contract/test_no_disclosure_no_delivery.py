"""No disclosure, no delivery: a party is handed its own events, those disclosed to it, and the control events."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, strategies as st
from pydantic_core import to_json

from sandbox.contracts import Contract, the_contract
from services.chassis.delivery.stage import Entry
from services.chassis.envelope import CLOCK, Consumed
from services.chassis.service import Service
from tests.contract.house import reader
from tests.contract.instances import CONTRACT, events

PARTIES = ("LEA", "SIB", "FBI", "DHS", "LESC", "ICE")
EVENT_TYPES = list(the_contract().messages)


@pytest.mark.parametrize("event_type", EVENT_TYPES)
def test_an_event_is_for_those_whom_the_document_names_and_for_nobody_else(event_type: str, contract: Contract) -> None:
    message = contract.messages[event_type]

    @CONTRACT
    @given(events(message), st.sampled_from(PARTIES))
    def holds(event: dict[str, Any], party: str) -> None:
        read = reader(Consumed).validate_json(to_json(event))
        declared = {row["to"] for row in message.disclosures(event["data"])}

        is_for = party in declared or message.source in (party, CLOCK)

        assert read.is_disclosed_to(party) is is_for
        assert contract.may_be_handed(event, party) is is_for

    holds()


@pytest.mark.parametrize("event_type", EVENT_TYPES)
def test_an_event_that_says_that_nothing_was_disclosed_stays_with_its_source(
    event_type: str, contract: Contract
) -> None:
    for event in contract.messages[event_type].examples:
        withheld = {**event, "data": {**event["data"], "disclosures": []}}
        read = reader(Consumed).validate_json(to_json(withheld))

        handed = {party for party in PARTIES if read.is_disclosed_to(party)}

        assert handed == (set(PARTIES) if event["source"] == CLOCK else {event["source"]} & set(PARTIES))


@pytest.mark.parametrize("event_type", EVENT_TYPES)
def test_a_consumer_group_handles_what_its_party_may_have_and_settles_the_rest_unread(
    event_type: str, services: Mapping[str, Service], contract: Contract
) -> None:
    stages = [stage for service in services.values() for stage in service.stages if stage.event_type == event_type]
    for event in contract.messages[event_type].examples:
        for stage in stages:
            handled, settled = stage._decode([Entry(b"1-0", {b"event": to_json(event)})])

            party = stage.group.party
            may_have_it = party is None or contract.may_be_handed(event, party)
            assert [len(handled), len(settled)] == ([1, 0] if may_have_it else [0, 1]), stage.name
            assert not any(plan.appends or plan.writes for plan in settled)


def test_no_group_reads_a_stream_of_which_its_party_could_never_have_an_event(contract: Contract) -> None:
    for operation in contract.operations:
        if operation.action == "receive" and operation.party is not None:
            message = contract.messages[operation.event_type]
            recipients = {declaration.row["to"] for declaration in message.declarations}
            assert operation.party in recipients | {message.source} or message.source == CLOCK, operation.name
