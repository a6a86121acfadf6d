"""Drives a scenario through the services: opens a run, books its people, lets it end, and waits for the ledger.

Everything goes over the services' own interfaces. Bookings are sent again after a break: a service that was killed
in the middle of a batch loses nothing and takes nothing twice.
"""

import json
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import islice
from typing import Any

import httpx
from redis import Redis
from redis.exceptions import ResponseError

from services.audit.events import WATCHED
from services.booking.events import RunSettings
from services.chassis.delivery import keys
from services.chassis.errors import InteropError

LINES = 100
"""Bookings in one request: enough to be fast, few enough that progress can be seen."""

PATIENCE_SECONDS = 60.0
"""How long the services may be out of reach before a run is given up."""

POLL_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a run is."""

    booked: int
    total: int
    open_day: date
    status: str


OnProgress = Callable[[Progress], None]


@dataclass
class Driver:
    """Drives one run."""

    booking_url: str
    runid: str
    on_progress: OnProgress = lambda _: None

    def run(self, settings: RunSettings, people: Iterable[dict[str, Any]], total: int) -> None:
        """Opens the run, books everybody, ends the input and waits until no timer is left.

        Raises:
            InteropError: `booking-refused`, for the first booking that was refused; `services-gone`, when they stay
                away; `run-stalled`, when a day does not close; and whatever the booking service answers.
        """
        with httpx.Client(base_url=self.booking_url, timeout=60) as client:
            body = {"runid": self.runid, "settings": settings.model_dump(mode="json")}
            self._patiently(lambda: client.post("/runs", json=body))
            booked = 0
            for lines in _chunks(people, LINES):
                self._book(client, lines)
                booked += len(lines)
                self._tell(client, booked, total)
            self._patiently(lambda: client.post(f"/runs/{self.runid}/end"))
            self._await_end(client, booked, total)

    def _await_end(self, client: httpx.Client, booked: int, total: int) -> None:
        shown = self._tell(client, booked, total)
        moved = time.monotonic()
        while shown.status != "ended":
            time.sleep(POLL_SECONDS)
            before, shown = shown, self._tell(client, booked, total)
            if shown != before:
                moved = time.monotonic()
            if time.monotonic() - moved > PATIENCE_SECONDS:
                raise InteropError(
                    "run-stalled",
                    f"{shown.open_day} has not closed for {PATIENCE_SECONDS:.0f} s: somebody owes an answer;"
                    " /readyz of each service says who (docs/runbook.md)",
                    status=503,
                )

    def _tell(self, client: httpx.Client, booked: int, total: int) -> Progress:
        told = self._patiently(lambda: client.get(f"/runs/{self.runid}")).json()
        shown = Progress(booked, total, date.fromisoformat(told["open_day"]), told["status"])
        self.on_progress(shown)
        return shown

    def _book(self, client: httpx.Client, lines: Sequence[bytes]) -> None:
        left = list(lines)
        deadline = time.monotonic() + PATIENCE_SECONDS
        while left:
            answers = self._post_batch(client, left)
            for answer in answers.values():
                if answer["status"] == "rejected":
                    raise InteropError("booking-refused", f"{answer['code']}: {answer['message']}")
            done = {number for number, answer in answers.items() if answer["status"] != "later"}
            if done:
                deadline = time.monotonic() + PATIENCE_SECONDS
            left = [line for number, line in enumerate(left, start=1) if number not in done]
            if left and time.monotonic() > deadline:
                waiting = next((answer["message"] for answer in answers.values() if "message" in answer), "no answer")
                raise InteropError("services-gone", f"bookings were put off for too long: {waiting}", status=503)
            if left and not done:
                time.sleep(POLL_SECONDS * 4)

    def _post_batch(self, client: httpx.Client, lines: Sequence[bytes]) -> dict[int, dict[str, Any]]:
        """The status of every line that was answered; a break in the middle leaves the rest unanswered."""
        answers: dict[int, dict[str, Any]] = {}
        try:
            with client.stream(
                "POST", "/bookings:batch", params={"run": self.runid}, content=b"\n".join(lines)
            ) as response:
                if response.status_code == httpx.codes.SERVICE_UNAVAILABLE:
                    time.sleep(float(response.headers.get("Retry-After", 1)))
                    return answers
                if response.is_error:
                    response.read()
                    raise refusal(response)
                for line in response.iter_lines():
                    answer = json.loads(line)
                    answers[answer["number"]] = answer
        except (httpx.TransportError, ValueError):
            time.sleep(POLL_SECONDS * 4)
        return answers

    def _patiently(self, request: Callable[[], httpx.Response]) -> httpx.Response:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                response = request()
            except httpx.TransportError as error:
                if time.monotonic() > deadline:
                    sentence = f"the booking service at {self.booking_url} does not answer ({error}); see 'interop up'"
                    raise InteropError("services-gone", sentence, status=503) from error
            else:
                if response.status_code != httpx.codes.SERVICE_UNAVAILABLE or time.monotonic() > deadline:
                    if response.is_error:
                        raise refusal(response)
                    return response
            time.sleep(POLL_SECONDS * 4)


def refusal(response: httpx.Response) -> InteropError:
    """The error that a service answered with."""
    try:
        told = response.json()["error"]
        return InteropError(told["code"], told["message"], status=response.status_code)
    except (ValueError, KeyError):
        return InteropError("service-failed", f"{response.request.url} answered {response.status_code}")


def wait_for_audit(redis: Redis, patience: float = PATIENCE_SECONDS) -> None:
    """Waits until audit has taken in everything that the streams hold.

    Raises:
        InteropError: `audit-behind`.
    """
    deadline = time.monotonic() + patience
    while not _audit_is_through(redis):
        if time.monotonic() > deadline:
            raise InteropError("audit-behind", "audit has not caught up; look at its /readyz and its log", status=503)
        time.sleep(POLL_SECONDS)


def _audit_is_through(redis: Redis) -> bool:
    for event_type in WATCHED:
        name = keys.stream(event_type)
        try:
            last = redis.xinfo_stream(name)["last-generated-id"]
            group = next((row for row in redis.xinfo_groups(name) if row["name"] == b"audit"), None)
        except ResponseError:
            return False
        if group is None or group["pending"] or group["last-delivered-id"] != last:
            return False
    return True


def _chunks(people: Iterable[dict[str, Any]], size: int) -> Iterator[list[bytes]]:
    lines = (json.dumps(person, separators=(",", ":")).encode() for person in people)
    while chunk := list(islice(lines, size)):
        yield chunk
