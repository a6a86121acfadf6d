"""What only audit may do, because a log has one writer: asked of it where it is up, else of one for the purpose."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from sandbox.audit.place import Place
from sandbox.drive import refusal
from sandbox.stack import WITNESSES, Stack
from services.audit.access import subject_token
from services.chassis.errors import InteropError

READY_SECONDS = 60.0
PUBLISH_SECONDS = 20.0
_POLL_SECONDS = 0.1


def expunge(place: Place, subject: str) -> dict[str, Any]:
    """Has a subject expunged, and waits until the witnesses have seen that it happened.

    Raises:
        InteropError: `unknown-subject`, and whatever keeps audit from it.
    """
    token = subject_token(place.settings.token_key(), subject)
    with _audit(place) as url, httpx.Client(base_url=url, timeout=60, trust_env=False) as client:
        try:
            answer = client.post("/expunge", params={"subject": subject}, headers={"Authorization": f"Bearer {token}"})
        except httpx.TransportError as error:
            raise InteropError("no-answer", f"audit at {url} does not answer: {error}", status=503) from error
        if answer.is_error:
            raise refusal(answer)
        done: dict[str, Any] = answer.json()
        _wait_published(client, done["index"])
    return done


@contextmanager
def _audit(place: Place) -> Iterator[str]:
    """Where audit answers."""
    if place.url is not None:
        yield place.url
        return
    with Stack(place.settings.state_dir, services=("audit", *WITNESSES), redis_url=place.redis_url) as stack:
        stack.wait_ready(READY_SECONDS)
        yield stack.urls["audit"]


def _wait_published(client: httpx.Client, index: int) -> None:
    deadline = time.monotonic() + PUBLISH_SECONDS
    while time.monotonic() < deadline:
        if client.get("/readyz").json()["log"]["published"] > index:
            return
        time.sleep(_POLL_SECONDS)
