"""What the integration tests share: coroutines run on asyncio, as the services do."""

import pytest

from tests.foreign.conftest import go, js, verify

__all__ = ["go", "js", "verify"]

for _helper in ("oracle", "desk"):
    pytest.register_assert_rewrite(f"tests.integration.{_helper}")


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"
