"""The proof that nothing was lost: nothing is under way, the log is what the streams disclose, and what was put aside.

`judge` is pure; `prove` asks the house until it is quiet, or for as long as people want to wait.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from redis import Redis
from redis.exceptions import RedisError

from console.flow import vitals
from console.flow.pulse import look_at_services, read_streams
from console.flow.words import counted, listed
from console.house import House, redis_away
from sandbox import dead_letters as letters

Found = TypeVar("Found")

PATIENCE_SECONDS = 15.0
LOOK_EVERY_SECONDS = 0.25

UNREADABLE = ("foreign-entry", "not-json", "wrong-shape", "wrong-type")
"""Reasons of dead letters that hold nothing anybody could have processed: poison."""

MOST_LETTERS = 100
"""Dead letters that the page lists; `interop dlq list` prints all."""


@dataclass(frozen=True, slots=True)
class Proof:
    """What was looked at, and what it comes to.

    Attributes:
        proven: whether nothing was lost. False means: not yet, or something needs a look.
        sentence: the verdict.
        points: each point looked at: what it says, and whether it holds.
    """

    proven: bool
    sentence: str
    points: tuple[tuple[str, bool], ...]


def judge(owing: Sequence[str], services: Mapping[str, Mapping[str, Any]], reasons: Mapping[str, int]) -> Proof:
    """Whether nothing was lost.

    Args:
        owing: who has still something to do, in words.
        services: every service as `pulse.look_at_services` found it; audit's tells of its log.
        reasons: dead letters by reason.
    """
    quiet = not owing
    away = [name for name, state in services.items() if state["state"] != "ready"]
    audit = services["audit"]
    log, found = audit.get("log") or {}, audit.get("reconciliation") or {}
    size = log.get("size", 0)
    compared = bool(found) and found.get("size") == size and found.get("lag") == 0
    reconciled = compared and bool(found.get("reconciled"))
    puzzling = {reason: count for reason, count in reasons.items() if reason not in UNREADABLE}
    points = (
        (_quiet_in_words(owing), quiet),
        (_log_in_words(size, found, compared=compared), reconciled),
        (_letters_in_words(reasons), not puzzling),
        (f"Not ready: {listed(away)}." if away else "All services are ready.", not away),
    )
    proven = all(holds for _, holds in points)
    return Proof(proven, _verdict(points, reasons, stopped_on_purpose(services)), points)


def _quiet_in_words(owing: Sequence[str]) -> str:
    if not owing:
        return "Nothing is undelivered and nothing is unacknowledged, in any group of any stream."
    return f"Not everything is through: {'; '.join(owing)}."


def _log_in_words(size: int, found: Mapping[str, Any], *, compared: bool) -> str:
    if not compared:
        return "The log has not been compared with the streams since the last event."
    if found.get("reconciled"):
        return f"The log has {counted(size, 'entry', 'entries')}, and each is what an event in the streams discloses."
    wrong = [f"{found[name]} {name}" for name in ("missing", "extra", "different") if found.get(name)]
    return f"The log and the streams differ: {listed(wrong)}."


def _letters_in_words(reasons: Mapping[str, int]) -> str:
    if not reasons:
        return "No dead letters: nothing had to be put aside."
    told = listed([f"{count} for '{reason}'" for reason, count in sorted(reasons.items())])
    return f"Put aside, each with its reason: {told}."


def _verdict(points: Sequence[tuple[str, bool]], reasons: Mapping[str, int], stopped: Sequence[str]) -> str:
    quiet, reconciled, explained, ready = (holds for _, holds in points)
    if not (quiet and reconciled and ready):
        if stopped:
            return f"Not proven yet: {listed(list(stopped))}. Undo that, and prove it again."
        return "Not proven yet: the house is still at work, or a part of it is away. Wait a moment, and prove it again."
    if not explained:
        return "Nothing was lost without a trace, but something could not be processed: see the dead letters and why."
    if reasons:
        return "Nothing was lost: everything readable was processed, once, and only what nobody can read is put aside."
    return "Nothing was lost: everything was processed, once."


async def prove(house: House, patience: float = PATIENCE_SECONDS) -> Proof:
    """Looks until nothing was lost, or the patience is over: days of the run `live` pass, and are never long quiet.

    Raises:
        InfrastructureError: Redis does not answer.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + patience
    while True:
        proof = await _look(house)
        if proof.proven or loop.time() > deadline:
            return proof
        await asyncio.sleep(LOOK_EVERY_SECONDS)


async def _look(house: House) -> Proof:
    services = await look_at_services(house)
    try:
        reading = await read_streams(house.redis)
    except (RedisError, OSError) as error:
        raise redis_away(error) from error
    reasons = Counter(letter["reason"] for letter in await listed_letters(house))
    return judge(vitals.owing(reading), services, reasons)


def stopped_on_purpose(services: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Which services are paused or slowed down by a switch, in words."""
    told = []
    for service, state in services.items():
        faults = state.get("faults") or {}
        if faults.get("paused"):
            told.append(f"{service} is stopped")
        elif faults.get("slow_ms"):
            told.append(f"{service} is slowed down")
    return told


async def listed_letters(house: House) -> list[dict[str, Any]]:
    """All dead letters, as the page shows them: `hopeless` ones fail however often they are sent again.

    Raises:
        InfrastructureError: Redis does not answer.
    """
    return await asyncio.to_thread(_with_redis, house, _letters)


async def redrive(house: House, number: str) -> None:
    """Sends a dead letter again.

    Raises:
        InteropError: `unknown-letter`, `nothing-to-redrive`.
        InfrastructureError: Redis does not answer.
    """
    await asyncio.to_thread(_with_redis, house, lambda redis: letters.redrive(redis, letters.find(redis, number)))


def _letters(redis: Redis) -> list[dict[str, Any]]:
    return [
        {
            "number": letter.number,
            "stream": letter.event_type.removesuffix(".v1"),
            "group": letter.group,
            "reason": letter.reason,
            "detail": letter.detail,
            "hopeless": letter.reason in UNREADABLE,
        }
        for letter in letters.all_letters(redis)
    ]


def _with_redis(house: House, work: Callable[[Redis], Found]) -> Found:
    """What `interop dlq` does, which takes a client that waits."""
    try:
        with Redis.from_url(house.settings.redis_address(), socket_connect_timeout=2, socket_timeout=10) as redis:
            return work(redis)
    except (RedisError, OSError) as error:
        raise redis_away(error) from error
