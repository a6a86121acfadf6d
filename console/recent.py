"""The newest events of a stream, as the sandbox itself may read them."""

import json
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from console.house import redis_away
from services.chassis.delivery import keys

Event = dict[str, Any]


async def newest_events(redis: Redis, event_type: str, count: int) -> list[Event]:
    """The newest events of a type, the newest first; what cannot be read as an event is passed over.

    Raises:
        InfrastructureError: Redis does not answer.
    """
    try:
        entries: Any = await redis.xrevrange(keys.stream(event_type), count=count)
    except RedisError as error:
        raise redis_away(error) from error
    return [event for _, fields in entries if (event := _parsed(fields)) is not None]


def _parsed(fields: dict[bytes, bytes]) -> Event | None:
    try:
        event = json.loads(fields[b"event"])
    except (KeyError, ValueError):
        return None
    return event if isinstance(event, dict) and isinstance(event.get("data"), dict) else None
