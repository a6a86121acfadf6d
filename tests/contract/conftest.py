"""The four services, built as at their start and not started, and the contract that they are held to."""

from collections.abc import Iterator, Mapping

import pytest

from sandbox.contracts import Contract, the_contract
from services.chassis.service import Service
from tests.contract.house import built_services


@pytest.fixture(scope="session")
def contract() -> Contract:
    return the_contract()


@pytest.fixture(scope="session")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mapping[str, Service]]:
    with built_services(tmp_path_factory.mktemp("services")) as built:
        yield built
