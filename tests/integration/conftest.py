"""What the integration tests share: coroutines run on asyncio, as the services do."""

import pytest


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"
