"""Audit that is up elsewhere, in a container say: its files are there, and here is what it tells over HTTP."""

import time
from typing import Any

import httpx

from sandbox.house import urls_elsewhere
from services.audit.watch import UNWELL_SECONDS
from services.chassis.errors import InteropError

PATIENCE_SECONDS = UNWELL_SECONDS + 15.0
"""How long audit may take to compare the log as it is: after a difference it waits for a while itself."""

POLL_SECONDS = 0.2


def audit_elsewhere() -> str | None:
    """Where audit answers, if the environment names services that are up elsewhere."""
    urls = urls_elsewhere()
    return None if urls is None else urls["audit"]


def not_here(url: str) -> InteropError:
    """The error of a command that needs audit's files."""
    return InteropError(
        "no-log",
        f"the log is kept beside audit ({url}), and not here; in compose, run this as"
        " 'docker compose exec audit interop audit ...'",
    )


def comparison_by(url: str) -> dict[str, Any]:
    """What audit itself has found when it compared log and streams, in numbers: they name nobody.

    Waits for a comparison of the log as it is now, or at least one that is newer than the question.

    Raises:
        InteropError: `no-answer`; `not-compared`, when none comes.
    """
    asked = time.monotonic()
    with httpx.Client(base_url=url, timeout=10, trust_env=False) as client:
        while (waited := time.monotonic() - asked) < PATIENCE_SECONDS:
            told = _readiness(client)
            found: dict[str, Any] = told.get("reconciliation", {})
            if found and (found["size"] == told["log"]["size"] or found["age_seconds"] < waited):
                return found
            time.sleep(POLL_SECONDS)
    raise InteropError(
        "not-compared",
        f"audit at {url} has not compared log and streams for {PATIENCE_SECONDS:.0f} s; see its /readyz and its log",
        status=503,
    )


def _readiness(client: httpx.Client) -> dict[str, Any]:
    try:
        told: dict[str, Any] = client.get("/readyz").json()
    except httpx.TransportError as error:
        raise InteropError("no-answer", f"audit at {client.base_url} does not answer: {error}", status=503) from error
    return told
