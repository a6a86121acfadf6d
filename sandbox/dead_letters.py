"""Dead letters: what could not be processed is kept with its reason, and can be sent again."""

from collections.abc import Iterator
from dataclasses import dataclass

from redis import Redis

from sandbox import streams
from services.chassis.delivery import keys
from services.chassis.errors import InteropError


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One entry that a group could not process. `event` is what stood in it; None for a foreign entry without one."""

    number: str
    event_type: str
    group: str
    entry: str
    reason: str
    detail: str
    event: bytes | None


def all_letters(redis: Redis) -> Iterator[DeadLetter]:
    """Every dead letter there is."""
    for name in streams.dead_letter_streams(redis):
        event_type, _, group = name.removeprefix(f"{keys.PARTITION}:").partition(":dead:")
        for entry_id, fields in streams.entries(redis, name):
            yield DeadLetter(
                number=f"{event_type}:{group}:{entry_id.decode()}",
                event_type=event_type,
                group=group,
                entry=fields[b"entry"].decode(),
                reason=fields[b"reason"].decode(),
                detail=fields[b"detail"].decode(errors="replace"),
                event=fields.get(b"event"),
            )


def find(redis: Redis, number: str) -> DeadLetter:
    """The dead letter of that number.

    Raises:
        InteropError: `unknown-letter`.
    """
    for letter in all_letters(redis):
        if letter.number == number:
            return letter
    raise InteropError("unknown-letter", f"there is no dead letter '{number}'; see 'interop dlq list'")


def redrive(redis: Redis, letter: DeadLetter) -> None:
    """Sends a dead letter again, under its own id: groups that have had it drop it, the one that failed tries anew.

    Raises:
        InteropError: `nothing-to-redrive`, for a foreign entry that holds no event.
    """
    if letter.event is None:
        raise InteropError(
            "nothing-to-redrive",
            f"{letter.number} holds no event; 'interop dlq show {letter.number}' prints what it has",
        )
    grave = keys.dead_letters(letter.event_type, letter.group)
    pipeline = redis.pipeline(transaction=True)
    pipeline.xadd(keys.stream(letter.event_type), {"event": letter.event})
    pipeline.xdel(grave, letter.number.rpartition(":")[2])
    pipeline.execute()
