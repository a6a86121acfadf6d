"""How far audit has come in the streams that it reads."""

from collections.abc import Iterable, Mapping
from typing import Any, cast

from redis import Redis
from redis.exceptions import ResponseError

from services.chassis.delivery import keys

GROUP = "audit"
_LARGEST = 2**64 - 1

EntryId = tuple[int, int]
"""The two numbers of an entry's id."""

FIRST: EntryId = (0, 0)


def settled(redis: Redis, event_types: Iterable[str], group: str = GROUP) -> dict[str, EntryId]:
    """For each stream, the entry up to which a group has acknowledged everything. Audit has it in the log by then.

    What could not be logged lies among the dead letters, each with its reason.
    """
    return {keys.stream(event_type): _settled(redis, keys.stream(event_type), group) for event_type in event_types}


def ends(redis: Redis, event_types: Iterable[str]) -> dict[str, EntryId]:
    """For each stream, the last entry that was ever added to it."""
    found: dict[str, EntryId] = {}
    for event_type in event_types:
        try:
            stream: Mapping[str, Any] = cast(Any, redis.xinfo_stream(keys.stream(event_type)))
            found[keys.stream(event_type)] = parse_id(stream["last-generated-id"])
        except ResponseError:
            found[keys.stream(event_type)] = FIRST
    return found


def parse_id(entry_id: bytes | str) -> EntryId:
    """An entry's id as numbers, which can be compared."""
    text = entry_id.decode() if isinstance(entry_id, bytes) else entry_id
    ms, _, seq = text.partition("-")
    return int(ms), int(seq or 0)


def format_id(entry_id: EntryId) -> str:
    """An entry's id as Redis writes it."""
    return f"{entry_id[0]}-{entry_id[1]}"


def _settled(redis: Redis, stream: str, name: str) -> EntryId:
    try:
        groups: Any = redis.xinfo_groups(stream)
        group = next((row for row in groups if row["name"] == name.encode()), None)
        if group is None:
            return FIRST
        # Read first, then what is pending: an entry that is delivered in between is pending or later.
        delivered = parse_id(group["last-delivered-id"])
        pending: Any = redis.xpending(stream, name)
    except ResponseError:
        return FIRST
    return min(delivered, _before(parse_id(pending["min"]))) if pending["pending"] else delivered


def _before(entry_id: EntryId) -> EntryId:
    ms, seq = entry_id
    return (ms, seq - 1) if seq else (ms - 1, _LARGEST)
