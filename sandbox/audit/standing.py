"""Where an expunged person still stands: what expunction does not reach, and why."""

from collections.abc import Iterable, Mapping
from typing import Any

from redis import Redis

from sandbox.streams import dead_letter_streams
from services.chassis.delivery import keys

_MEMORIES: Mapping[str, str] = {
    "booking": "the agency's own custody record: its expunction is for the agency to order",
    "detainer.agency": "what the agency remembers to decide on cooperation",
    "detainer.ero": "ICE's own case: no agency's expunction reaches the records of another",
}
_OWED = "a service has still to read it; it goes when that has"
_ADMITTED = "a digest of what was sent, so that a booking that is sent again is taken once"
_EXPECTED = "what the matcher is told to answer about them: whoever put it takes it back (DELETE /expectations)"
_LETTER = "a dead letter: it is kept until somebody redrives or removes it"
_MARKS = "which entries are expunged, by the hashed ids of their events, so that nothing is logged twice"
_FILE = "what was deleted is in it until its next rewrite (BGREWRITEAOF)"

Standing = dict[str, str]


def still_standing(redis: Redis, expunction: Mapping[str, Any]) -> list[Standing]:
    """The places that still know of somebody, each with the reason.

    Args:
        redis: where the services keep what they remember.
        expunction: what audit says of the expunction.
    """
    rows = [_row(place, _OWED) for place in expunction["owed"]]
    for runid, tcn in expunction["cases"]:
        memories = {keys.case(group, runid, tcn): why for group, why in _MEMORIES.items()}
        rows += [_row(key, why) for key, why in memories.items() if redis.exists(key)]
        if redis.hexists(keys.admitted(runid), tcn):
            rows.append(_row(keys.admitted(runid), _ADMITTED))
    runs = dict.fromkeys(runid for runid, _ in expunction["cases"])
    told = [keys.expectations(runid) for runid in runs]
    rows += [_row(key, _EXPECTED) for key in told if redis.hexists(key, expunction["subject"])]
    rows += _letters(redis, [tcn for _, tcn in expunction["cases"]])
    if expunction["counted"]:
        why = f"{expunction['counted']} rows still count, and lead to nobody"
        rows.append(_row("the transparency report", why))
    return [*rows, _row("the marks of the log", _MARKS), _row("Redis' append-only file", _FILE)]


def _letters(redis: Redis, tcns: Iterable[str]) -> list[Standing]:
    wanted = [tcn.encode() for tcn in tcns]
    rows: list[Standing] = []
    for stream in dead_letter_streams(redis):
        letters: Any = redis.xrange(stream)
        for entry_id, fields in letters:
            if any(tcn in fields.get(b"event", b"") for tcn in wanted):
                rows.append(_row(f"{stream} {entry_id.decode()}", _LETTER))
    return rows


def _row(where: str, why: str) -> Standing:
    return {"where": where, "why": why}
