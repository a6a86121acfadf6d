"""The reconciliation that goes on beside the service, and its last result, which outlasts the service."""

import asyncio
import json
import logging
import time
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from services.audit.domain import Reconciliation
from services.audit.reconcile import Reconciler

RESULT_FILE = "reconciliation.json"

UNWELL_SECONDS = 30.0
"""How long the next comparison waits where the last one found a difference: it begins at the beginning then."""

log = logging.getLogger(__name__)


class Watch:
    """Compares log and streams again and again."""

    def __init__(self, reconciler: Reconciler, state_dir: Path) -> None:
        self.reconciler = reconciler
        self._file = state_dir / RESULT_FILE
        self._told: dict[str, Any] = {}
        self._restart = False
        self._looked_at = 0.0
        self._not_before = 0.0

    async def look(self) -> None:
        """Compares what has come since the last time."""
        if self._restart:
            self._restart = False
            self.reconciler.restart()
        elif time.monotonic() < self._not_before:
            return
        result = await asyncio.to_thread(self.reconciler.onward)
        was_well = self._told.get("reconciled", True)
        self._told = told(result, datetime.now(UTC))
        self._looked_at = time.monotonic()
        await asyncio.to_thread(self._keep)
        if not result.reconciled:
            self._not_before = time.monotonic() + UNWELL_SECONDS
        if was_well and not result.reconciled:
            log.error("the log and the streams differ; 'interop audit reconcile' says where")

    def restart(self) -> None:
        """Begins anew the next time."""
        self._restart = True

    def told(self) -> dict[str, Any]:
        """The last result, and how old it is, as `/readyz` tells it; empty before the first."""
        if not self._told:
            return {}
        return self._told | {"age_seconds": round(time.monotonic() - self._looked_at, 1)}

    def _keep(self) -> None:
        draft = self._file.with_name(f".{self._file.name}.new")
        draft.write_text(json.dumps(self._told), encoding="utf-8")
        draft.replace(self._file)


def last_result(state_dir: Path) -> dict[str, Any]:
    """What `Watch` has told last in a state directory; empty if it never has."""
    try:
        result: dict[str, Any] = json.loads((state_dir / RESULT_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return result


def told(result: Reconciliation, at: datetime) -> dict[str, Any]:
    """A reconciliation in numbers: `lag` is how many entries of the log were not compared yet."""
    counts = {name: value for name, value in asdict(result).items() if isinstance(value, int)}
    wrong = {name: len(getattr(result, name)) for name in ("missing", "extra", "different")}
    when = at.isoformat(timespec="seconds")
    return {"reconciled": result.reconciled, "lag": result.lag, "at": when, **counts, **wrong}
