"""Each service reads and writes just what the document says, for the parties that it names."""

from collections.abc import Mapping

import pytest

from sandbox.contracts import Contract
from services.audit.events import WATCHED
from services.booking.house import READERS
from services.chassis.delivery import keys
from services.chassis.service import Service

SERVICES = ("booking", "biometric_match", "detainer", "audit")


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_sends_what_the_document_says(name: str, services: Mapping[str, Service], contract: Contract) -> None:
    declared = {
        (row.event_type, row.party) for row in contract.operations if (row.service, row.action) == (name, "send")
    }

    assert {(model.event_type, model.party) for model in services[name].publishes} == declared


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_receives_what_the_document_says(
    name: str, services: Mapping[str, Service], contract: Contract
) -> None:
    declared = sorted(
        (str(row.group), row.event_type, str(row.party))
        for row in contract.operations
        if (row.service, row.action) == (name, "receive") and row.group is not None
    )

    wired = sorted((stage.group.name, stage.event_type, str(stage.group.party)) for stage in services[name].stages)
    assert wired == declared


@pytest.mark.parametrize("name", SERVICES)
def test_what_the_document_has_read_without_a_group_every_process_reads_whole(
    name: str, services: Mapping[str, Service], contract: Contract
) -> None:
    declared = {
        row.event_type for row in contract.operations if (row.service, row.action, row.group) == (name, "receive", None)
    }

    assert {event_type for whole in services[name].wholes for event_type in whole.streams} == declared
    assert all(whole.keep_up in services[name].tasks for whole in services[name].wholes)


def test_a_service_reads_the_streams_that_the_channels_name(
    services: Mapping[str, Service], contract: Contract
) -> None:
    addresses = {message.event_type: message.address for message in contract.messages.values()}

    assert {event_type: keys.stream(event_type) for event_type in addresses} == addresses
    for service in services.values():
        assert all(stage.stream == addresses[stage.event_type] for stage in service.stages)


def test_no_other_service_is_in_the_document(contract: Contract) -> None:
    assert {row.service for row in contract.operations} == set(SERVICES)


def test_the_clock_waits_for_every_group_but_audit(contract: Contract) -> None:
    readers = {
        event_type: [name for name in contract.readers(event_type) if name.partition(".")[0] != "audit"]
        for event_type in WATCHED
    }

    assert {event_type: sorted(groups) for event_type, groups in readers.items() if groups} == {
        event_type: sorted(groups) for event_type, groups in READERS.items()
    }


def test_audit_reads_every_stream_but_its_own(contract: Contract) -> None:
    own = {row.event_type for row in contract.operations if (row.service, row.action) == ("audit", "send")}

    assert sorted(WATCHED) == sorted(contract.messages.keys() - own)
    assert {event_type for event_type in contract.messages if "audit" not in contract.readers(event_type)} == own
