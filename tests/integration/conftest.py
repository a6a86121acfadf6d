"""What the integration tests share: coroutines run on asyncio, as the services do."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from redis import Redis
from redis.asyncio import Redis as AsyncRedis

from tests.foreign.conftest import go, js, verify
from tests.integration.audit_house import AuditHouse, changed, silent, submitted
from tests.integration.desk import Desk

__all__ = ["go", "js", "verify"]


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def redis(redis_url: str) -> Iterator[Redis]:
    with Redis.from_url(redis_url) as client:
        yield client


@pytest.fixture
async def client(redis_url: str) -> AsyncIterator[AsyncRedis]:
    async with AsyncRedis.from_url(redis_url) as client:
        yield client


@pytest.fixture
async def desk(client: AsyncRedis) -> Desk:
    """A stage that is open for work."""
    return await Desk(client).open()


@pytest.fixture
def house(redis: Redis, tmp_path: Path) -> Iterator[AuditHouse]:
    """Heron-41 and Teal-42 were booked, and audit has logged the five things that were told about them."""
    house = AuditHouse(redis, tmp_path).start()
    house.put(submitted(), changed(), silent(), submitted("B-42"))
    house.take_in()
    yield house
    house.stop()
