"""How the streams are: two readings of Redis to events a second, backlogs and ages. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from services.audit.events import WATCHED
from services.audit.report.events import GROUP as REPORT_GROUP, READ as REPORT_READS
from services.booking.house import READERS

AUDIT_GROUP = "audit"
CHECKPOINT = "checkpoint.published.v1"
STREAMS = (*WATCHED, CHECKPOINT)
"""Every stream of the house, in the order of the story."""

SERVICE_OF: Mapping[str, str] = {
    "booking": "booking",
    "biometric_match": "biometric_match",
    "detainer.ero": "detainer",
    "detainer.agency": "detainer",
    AUDIT_GROUP: "audit",
    REPORT_GROUP: "audit",
}
"""Which service a consumer group is of."""

EDGES: Mapping[str, tuple[tuple[str, str], ...]] = {
    "booking-matcher": (("fingerprints.submitted.v1", "biometric_match"),),
    "matcher-booking": (("identification.returned.v1", "booking"), ("immigration.status.returned.v1", "booking")),
    "matcher-detainer": (("immigration.status.returned.v1", "detainer.ero"),),
    "booking-detainer": (
        ("custody.changed.v1", "detainer.agency"),
        ("custody.changed.v1", "detainer.ero"),
        ("day.closed.v1", "detainer.ero"),
    ),
    "detainer-booking": (
        ("detainer.decided.v1", "booking"),
        ("cooperation.decided.v1", "booking"),
        ("custody.claimed.v1", "booking"),
        ("outcome.recorded.v1", "booking"),
    ),
    "all-audit": tuple((event_type, AUDIT_GROUP) for event_type in WATCHED),
    "audit-witnesses": ((CHECKPOINT, ""),),
}
"""The lines of the diagram: the streams that run along each, and who reads them there."""


def readers_of(event_type: str) -> tuple[str, ...]:
    """The consumer groups of a stream, those of audit included."""
    audit = (AUDIT_GROUP,) if event_type in WATCHED else ()
    report = (REPORT_GROUP,) if event_type in REPORT_READS else ()
    return (*READERS.get(event_type, ()), *audit, *report)


@dataclass(frozen=True, slots=True)
class GroupReading:
    """One group on one stream, as Redis tells it.

    Attributes:
        waiting: entries that it has not been handed yet; None where Redis does not know.
        in_hand: entries that it has been handed and not acknowledged.
        oldest_ms: when the oldest of both was added, in milliseconds since 1970; None where there is none.
        dead: dead letters.
    """

    waiting: int | None
    in_hand: int
    oldest_ms: int | None
    dead: int


@dataclass(frozen=True, slots=True)
class Reading:
    """All streams at one moment.

    Attributes:
        at: in seconds since 1970, by the clock of the console.
        added: entries ever added to each stream.
        groups: by stream and group.
    """

    at: float
    added: Mapping[str, int]
    groups: Mapping[tuple[str, str], GroupReading] = field(default_factory=dict)


def rate(before: Reading | None, now: Reading, event_type: str) -> float:
    """Events a second on a stream between two readings; 0 without an earlier one, or after the stream began anew."""
    if before is None or now.at <= before.at:
        return 0.0
    more = now.added.get(event_type, 0) - before.added.get(event_type, 0)
    return max(0, more) / (now.at - before.at)


def rows(before: Reading | None, now: Reading) -> list[dict[str, Any]]:
    """The table beneath the diagram: a row for each stream and group that reads it."""
    return [
        {
            "stream": event_type.removesuffix(".v1"),
            "group": group,
            "service": SERVICE_OF[group],
            "rate": round(rate(before, now, event_type), 1),
            "waiting": reading.waiting,
            "in_hand": reading.in_hand,
            "oldest": age(reading, now.at),
            "dead": reading.dead,
        }
        for (event_type, group), reading in now.groups.items()
    ]


def age(reading: GroupReading, at: float) -> float | None:
    """How long the oldest entry of a group has been waiting, in seconds; None where nothing waits."""
    return None if reading.oldest_ms is None else round(max(0.0, at - reading.oldest_ms / 1000), 1)


def edges(before: Reading | None, now: Reading) -> dict[str, dict[str, Any]]:
    """Each line of the diagram: events a second along it, and what waits at its end."""
    told: dict[str, dict[str, Any]] = {}
    for name, along in EDGES.items():
        event_types = dict.fromkeys(event_type for event_type, _ in along)
        readings = [now.groups[pair] for pair in along if pair in now.groups]
        told[name] = {
            "rate": round(sum(rate(before, now, event_type) for event_type in event_types), 1),
            "waiting": sum(owed(reading) for reading in readings),
        }
    return told


def owed(reading: GroupReading) -> int:
    """What a group has still to do: what it has in hand, and what it has not been handed yet."""
    return (reading.waiting or 0) + reading.in_hand


def by_service(now: Reading) -> dict[str, dict[str, Any]]:
    """For each service, what it owes in all its groups, the oldest of it in seconds, and its dead letters."""
    told: dict[str, dict[str, Any]] = {}
    for service in dict.fromkeys(SERVICE_OF.values()):
        readings = [reading for (_, group), reading in now.groups.items() if SERVICE_OF[group] == service]
        ages = [waited for waited in (age(reading, now.at) for reading in readings) if waited is not None]
        told[service] = {
            "owed": sum(owed(reading) for reading in readings),
            "oldest": max(ages, default=None),
            "dead": sum(reading.dead for reading in readings),
        }
    return told


def owing(now: Reading) -> list[str]:
    """Who has still something to do, in words: `biometric_match owes 12 of fingerprints.submitted`."""
    return [
        f"{group} owes {owed(reading):,} of {event_type.removesuffix('.v1')}"
        for (event_type, group), reading in now.groups.items()
        if owed(reading)
    ]


def entry_ms(entry_id: bytes | str) -> int:
    """When an entry was added, in milliseconds since 1970: its id says so."""
    text = entry_id.decode() if isinstance(entry_id, bytes) else entry_id
    return int(text.partition("-")[0])


def total(readings: Sequence[Mapping[str, Any]], name: str) -> int:
    """The sum of a column of `rows`."""
    return sum(row[name] or 0 for row in readings)
