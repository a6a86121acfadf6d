"""The streams as anybody can read them: with a bare Redis client, one JSON object an entry."""

import json
from collections.abc import Iterator
from typing import Any

from redis import Redis

from services.audit.events import WATCHED
from services.chassis.delivery import keys

PAGE = 2_000

Event = dict[str, Any]


def entries(redis: Redis, stream: str) -> Iterator[tuple[bytes, dict[bytes, bytes]]]:
    """Every entry of a stream, from the first to the last."""
    after = b"-"
    while True:
        page: Any = redis.xrange(stream, min=after.decode(), count=PAGE)
        yield from page
        if len(page) < PAGE:
            return
        after = b"(" + page[-1][0]


def events(redis: Redis, event_type: str, runid: str | None = None) -> Iterator[Event]:
    """The events of a type (and run), each once; what cannot be read as one is passed over (it is a dead letter)."""
    seen: set[str] = set()
    for _, fields in entries(redis, keys.stream(event_type)):
        event = _parsed(fields)
        if event is None or (runid is not None and event["runid"] != runid) or event["id"] in seen:
            continue
        seen.add(event["id"])
        yield event


def all_events(redis: Redis, runid: str | None = None) -> Iterator[Event]:
    """The events of all types (of a run)."""
    for event_type in WATCHED:
        yield from events(redis, event_type, runid)


def dead_letter_streams(redis: Redis) -> list[str]:
    """The streams that hold dead letters, by name."""
    return sorted(name.decode() for name in redis.scan_iter(match=f"{keys.PARTITION}:*:dead:*", count=1000))


def _parsed(fields: dict[bytes, bytes]) -> Event | None:
    try:
        event = json.loads(fields[b"event"])
    except (KeyError, ValueError):
        return None
    if not isinstance(event, dict) or not {"id", "runid", "type", "data"} <= event.keys():
        return None
    return event
