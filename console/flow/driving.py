"""Drives a scenario for the page, in a process of its own: making people needs the lab, and the page must not wait.

    python -m console.flow.driving '{"scenario": ..., "bookings": ..., "seed": ..., "policy": ..., "regime": ...}'

It writes a line of JSON whenever something moves, and takes "pause", "resume" and "stop" as lines of JSON on its
standard input. When that ends, because the page is gone, it stops in good order.
"""

import json
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from redis import Redis

from console.settings import ConsoleSettings
from console.working import Tell, run
from sandbox import streams
from sandbox.drive import Driver, Progress, wait_for_audit
from sandbox.population import bookings
from sandbox.runs import Request, scenario_of, settings_of

TOLD_EVERY_SECONDS = 0.2

COUNTED: Mapping[str, tuple[str, str | None, str | None]] = {
    "bookings": ("booking.recorded.v1", None, None),
    "fingerprints submitted to the FBI": ("fingerprints.submitted.v1", None, None),
    "known to DHS (a match)": ("immigration.searched.v1", "result", "match"),
    "requests to hold (detainers) lodged": ("detainer.decided.v1", "action", "lodged"),
    "held past their release": ("custody.changed.v1", "stage", "hold_started"),
    "handed over to ICE": ("custody.changed.v1", "stage", "transferred"),
    "removed or returned": ("outcome.recorded.v1", "outcome", "removed|returned"),
}
"""What the short summary counts: events of a type, all of them or those with a value in a field."""


class Controls:
    """What whoever looks on has asked for: to wait, or to stop."""

    def __init__(self) -> None:
        self._going = threading.Event()
        self._going.set()
        self.stopped = False

    def listen(self, lines: Iterable[str]) -> None:
        """Takes orders, until there are none to come."""
        for line in lines:
            order = json.loads(line)
            if order == "pause":
                self._going.clear()
            elif order == "resume":
                self._going.set()
            elif order == "stop":
                break
        self.stopped = True
        self._going.set()

    def governed(self, people: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        """The same people, who wait while it is paused, and end when it is stopped."""
        for person in people:
            self._going.wait()
            if self.stopped:
                return
            yield person


def summary(events: Iterable[Mapping[str, Any]]) -> list[tuple[str, int]]:
    """A run in a few numbers, from its events."""
    found: Counter[str] = Counter()
    for event in events:
        for words, (event_type, name, values) in COUNTED.items():
            if event["type"] != event_type:
                continue
            if name is None or event["data"].get(name) in (values or "").split("|"):
                found[words] += 1
    return [(words, found[words]) for words in COUNTED]


def drive(request: Request, settings: ConsoleSettings, controls: Controls, tell: Tell) -> dict[str, Any]:
    """Runs a scenario to its end, or to where it is stopped, and tells what came of it.

    Raises:
        InteropError: as `sandbox.runs.run_scenario` does.
    """
    scenario = scenario_of(request)
    runid = request.named()
    told_at = 0.0

    def on_progress(at: Progress) -> None:
        nonlocal told_at
        if time.monotonic() - told_at < TOLD_EVERY_SECONDS:
            return
        told_at = time.monotonic()
        open_day = at.open_day.isoformat()
        tell({"status": at.status, "booked": at.booked, "total": at.total, "open_day": open_day, "runid": runid})

    people = controls.governed(bookings(scenario, request.seed, request.bookings))
    Driver(settings.booking_url, runid, on_progress).run(settings_of(scenario, request), people, request.bookings)
    tell({"status": "reconciling", "runid": runid})
    redis = Redis.from_url(settings.redis_address(), socket_connect_timeout=2, socket_timeout=10)
    audited = wait_for_audit(redis, settings.audit_url)
    return {
        "status": "done",
        "stopped": controls.stopped,
        "runid": runid,
        "summary": summary(streams.all_events(redis, runid)),
        "reconciled": audited["reconciliation"]["reconciled"],
        "log_size": audited["log"]["size"],
        "dead_letters": sum(redis.xlen(name) for name in streams.dead_letter_streams(redis)),
    }


def main() -> None:
    """The entry point."""
    controls = Controls()
    request = Request(**json.loads(sys.argv[1]))
    run(lambda tell: drive(request, ConsoleSettings(), controls, tell), listen=controls.listen)


if __name__ == "__main__":
    main()
