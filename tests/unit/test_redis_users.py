"""What docker-compose.yml lets each service do in Redis is what its code does: no stream less, and none more."""

import re
from collections.abc import Callable
from pathlib import Path
from unittest.mock import Mock

import pytest
from pydantic import SecretStr
from ruamel.yaml import YAML

import services.audit.app
from services.biometric_match.app import build as build_biometric_match
from services.booking.app import BookingSettings, build as build_booking
from services.booking.house import READERS
from services.chassis.delivery import keys
from services.chassis.service import Service
from services.chassis.settings import ServiceSettings
from services.detainer.app import build as build_detainer
from services.detainer.policies import DetainerSettings

COMPOSE = Path(__file__).resolve().parents[2] / "docker-compose.yml"
ELSEWHERE = SecretStr("redis://127.0.0.1:1/0")

BUILDERS: dict[str, Callable[[Path], Service]] = {
    "booking": lambda folder: build_booking(BookingSettings(redis_url=ELSEWHERE, state_dir=folder)),
    "biometric_match": lambda folder: build_biometric_match(ServiceSettings(redis_url=ELSEWHERE, state_dir=folder)),
    "detainer": lambda folder: build_detainer(DetainerSettings(redis_url=ELSEWHERE, state_dir=folder)),
    "audit": lambda folder: services.audit.app.build(ServiceSettings(redis_url=ELSEWHERE, state_dir=folder)),
}


@pytest.fixture(params=BUILDERS)
def service(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Service:
    monkeypatch.setattr(services.audit.app, "Ledger", Mock())  # no file is opened for this
    return BUILDERS[request.param](tmp_path)


def rules(service: Service) -> tuple[set[str], set[str]]:
    """The streams that a service may have to do with, and those that it may add to, as docker-compose.yml has it."""
    users = YAML(typ="safe", pure=True).load(COMPOSE)["services"]["redis"]["environment"]
    everywhere, _, adding = users[service.name.upper()].partition("(+xadd ")
    return streams(everywhere), streams(adding.rstrip(")"))


def streams(patterns: str) -> set[str]:
    found = set(re.findall(r"(?<!\S)~(\{0\}:\S+\.v1)(?!\S)", patterns))
    return EVERY_STREAM if keys.stream("*.v1") in found else found


EVERY_STREAM = {keys.stream(event_type) for event_type in (*READERS, "booking.recorded.v1", "immigration.searched.v1")}


def test_a_service_may_add_to_the_streams_that_it_publishes_and_to_no_other(service: Service) -> None:
    _, adding = rules(service)

    assert adding == {keys.stream(model.event_type) for model in service.publishes}


def test_a_service_reaches_the_streams_that_it_reads_or_publishes_and_no_other(service: Service) -> None:
    everywhere, _ = rules(service)

    reads = {stage.stream for stage in service.stages}
    publishes = {keys.stream(model.event_type) for model in service.publishes}
    watched_by_the_clock = set(map(keys.stream, READERS)) if service.name == "booking" else set()
    assert everywhere == reads | publishes | watched_by_the_clock
