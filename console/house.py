"""The services as the console reaches them: over HTTP, and the streams over Redis."""

from contextlib import AsyncExitStack
from typing import Any

import httpx
from redis.asyncio import Redis

from console.settings import ConsoleSettings
from services.chassis.errors import InfrastructureError, InteropError

PATIENCE_SECONDS = 10.0


class House:
    """The services and their streams. One for the whole process."""

    def __init__(self, settings: ConsoleSettings, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self.settings = settings
        self.redis = Redis.from_url(settings.redis_address(), socket_connect_timeout=2, socket_timeout=10)
        # A proxy from the environment has no business between two processes of one house.
        self.client = httpx.AsyncClient(timeout=PATIENCE_SECONDS, trust_env=False, transport=transport)
        self.closing = AsyncExitStack()
        """What pages have to end when the console does."""

    async def close(self) -> None:
        """Ends what pages have begun, and lets go of the connections."""
        await self.closing.aclose()
        await self.client.aclose()
        await self.redis.aclose()

    async def ask(self, service: str, method: str, path: str, **request: Any) -> httpx.Response:
        """What a service answers, whatever its status.

        Args:
            service: a name of `ConsoleSettings.services`.
            method: GET or POST.
            path: below the service's address.
            request: what httpx takes besides: `params`, `json`, `headers`.

        Raises:
            InfrastructureError: the service is out of reach.
        """
        try:
            return await self.client.request(method, f"{self.settings.services[service]}{path}", **request)
        except httpx.HTTPError as error:
            raise InfrastructureError(f"{service} is out of reach ({type(error).__name__}); is it up?") from error

    async def get(self, service: str, path: str, **request: Any) -> Any:
        """The JSON that a service answers a GET with.

        Raises:
            InteropError: what the service says is wrong, with its code.
            InfrastructureError: the service is out of reach.
        """
        return answered(await self.ask(service, "GET", path, **request))

    async def post(self, service: str, path: str, **request: Any) -> Any:
        """The JSON that a service answers a POST with.

        Raises:
            InteropError: what the service says is wrong, with its code.
            InfrastructureError: the service is out of reach.
        """
        return answered(await self.ask(service, "POST", path, **request))


def redis_away(error: Exception) -> InfrastructureError:
    """The error of a Redis that does not answer."""
    return InfrastructureError(f"Redis does not answer ({type(error).__name__}); wait until it is back, and try again")


def answered(response: httpx.Response) -> Any:
    """The JSON of an answer.

    Raises:
        InteropError: the error that the answer tells, with its code and status.
    """
    if response.is_success:
        return response.json()
    try:
        error = response.json()["error"]
        raise InteropError(error["code"], error["message"], status=response.status_code)
    except (ValueError, KeyError, TypeError):
        sentence = f"{response.request.url.path} answered {response.status_code}; see the log of that service"
        raise InteropError("service-error", sentence, status=502) from None
