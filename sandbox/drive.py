"""Drives a scenario through the services: opens a run, books its people, lets it end, and waits for the ledger.

Everything goes over the services' own interfaces. Bookings are sent again after a break: a service that was killed
in the middle of a batch loses nothing and takes nothing twice.
"""

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import islice
from typing import Any

import httpx
from redis import Redis

from services.audit.events import WATCHED
from services.audit.positions import ends, settled
from services.audit.report.events import GROUP, READ
from services.booking.events import RunSettings
from services.chassis.errors import InteropError

LINES = 100
"""Bookings in one request: enough to be fast, few enough that progress can be seen."""

PATIENCE_SECONDS = 60.0
"""How long the services may be out of reach before a run is given up."""

WITNESS_SECONDS = 20.0
"""How long a run waits for the witnesses to cosign its log. Then it is told with what is published."""

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


def wait_for_audit(redis: Redis, audit_url: str, patience: float = PATIENCE_SECONDS) -> dict[str, Any]:
    """Waits until audit has logged, reconciled and published everything that the streams hold.

    Where witnesses stay away, the log goes unpublished: that is told, and nothing else waits for it.

    Returns:
        What audit tells of its `log` and its `reconciliation`.

    Raises:
        InteropError: `audit-behind`, when it has not taken in or compared everything.
    """
    deadline = time.monotonic() + patience
    with httpx.Client(base_url=audit_url, timeout=10, trust_env=False) as client:
        while not (_audit_is_through(redis) and (told := _readiness(client)) is not None and _is_compared(told)):
            if time.monotonic() > deadline:
                sentence = "audit has not caught up; look at its /readyz and its log"
                raise InteropError("audit-behind", sentence, status=503)
            time.sleep(POLL_SECONDS)
        deadline = time.monotonic() + WITNESS_SECONDS
        while told["log"]["published"] < told["log"]["size"] and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
            told = _readiness(client) or told
    return told


def _readiness(client: httpx.Client) -> dict[str, Any] | None:
    try:
        told: dict[str, Any] = client.get("/readyz").json()
    except (httpx.TransportError, ValueError):
        return None
    return told if "log" in told and "reconciliation" in told else None


def _is_compared(told: Mapping[str, Any]) -> bool:
    """Whether the last comparison was of all of the log as it is now; what does not fit stays uncompared."""
    found = told["reconciliation"]
    is_whole = bool(found.get("size") == told["log"]["size"])
    return is_whole and (found["lag"] == 0 or not found["reconciled"])


def _audit_is_through(redis: Redis) -> bool:
    ledger = settled(redis, WATCHED) == ends(redis, WATCHED)
    return ledger and settled(redis, READ, GROUP) == ends(redis, READ)


def _chunks(people: Iterable[dict[str, Any]], size: int) -> Iterator[list[bytes]]:
    lines = (json.dumps(person, separators=(",", ":")).encode() for person in people)
    while chunk := list(islice(lines, size)):
        yield chunk
