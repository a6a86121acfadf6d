"""What the contract allows, every consumer takes: now, and when a newer producer says more than it knows."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given
from pydantic_core import to_json

from sandbox.contracts import Contract, the_contract
from services.biometric_match.events import RunOpened as RunOfTheMatcher
from services.booking.events import RunOpenedSeen as RunOfBooking
from services.chassis.envelope import Consumed
from services.chassis.service import RUN_OPENED, Service
from services.detainer.events import RunOpened as RunOfTheDetainer
from tests.contract.house import reader
from tests.contract.instances import BEYOND_SCHEMAS, CONTRACT, events, fields, instances

PREPARED_WITH = (RunOfBooking, RunOfTheMatcher, RunOfTheDetainer)
"""A `run.opened` is read twice: by the stage that keeps it, and in full by what the group prepares from it."""

EVENT_TYPES = list(the_contract().messages)


@pytest.mark.parametrize("event_type", EVENT_TYPES)
def test_a_consumer_takes_every_event_that_the_schema_allows(
    event_type: str, services: Mapping[str, Service], contract: Contract
) -> None:
    consumers = models_that_read(event_type, services)

    @CONTRACT
    @given(events(contract.messages[event_type]))
    def holds(event: dict[str, Any]) -> None:
        assert contract.violations(event) == []
        assert_taken(event, consumers)

    holds()


@pytest.mark.parametrize("event_type", EVENT_TYPES)
def test_a_consumer_takes_events_with_fields_that_it_does_not_know_at_every_level(
    event_type: str, services: Mapping[str, Service], contract: Contract
) -> None:
    consumers = models_that_read(event_type, services)
    message = contract.messages[event_type]
    overrides = {}
    if event_type == RUN_OPENED:  # see the test below
        overrides["agencies"] = instances(fields(message.data_schema)["agencies"], BEYOND_SCHEMAS)

    @CONTRACT
    @given(events(message, overrides, extras=True))
    def holds(event: dict[str, Any]) -> None:
        assert contract.violations(event) == []
        assert_taken(event, consumers)

    holds()


def test_booking_takes_an_agency_with_a_field_that_it_does_not_know(contract: Contract) -> None:
    (example,) = contract.messages[RUN_OPENED].examples
    agencies = {ori: {**agency, "added_later": 1} for ori, agency in example["data"]["agencies"].items()}
    newer = {**example, "data": {**example["data"], "agencies": agencies}}

    assert contract.violations(newer) == []
    assert_taken(newer, PREPARED_WITH)


def test_every_type_is_read_by_some_model(services: Mapping[str, Service]) -> None:
    unread = {event_type for event_type in EVENT_TYPES if not models_that_read(event_type, services)}

    assert unread == {"checkpoint.published.v1"}  # it is for those outside who keep checkpoints


def models_that_read(event_type: str, services: Mapping[str, Service]) -> Sequence[type[Consumed]]:
    stages = [stage for service in services.values() for stage in service.stages]
    models = {stage.model for stage in stages if stage.event_type == event_type}
    return [*models, *(PREPARED_WITH if event_type == RUN_OPENED else ())]


def assert_taken(event: dict[str, Any], consumers: Sequence[type[Consumed]]) -> None:
    body = to_json(event)
    for model in consumers:
        taken = reader(model).validate_json(body)
        assert (taken.id, taken.type, taken.subject) == (event["id"], event["type"], event["subject"])
        assert len(taken.data.disclosures) == len(event["data"]["disclosures"])
