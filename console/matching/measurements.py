"""Measurements in worker processes: one at a time, with progress, and what was counted is kept."""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from console.matching.choices import Matching
from console.workers import Line, ended, result_of
from services.chassis.errors import InteropError

MODULE = "console.matching.measure"
MOST_KEPT = 64

Counted = Mapping[str, Any]
"""`measure.Counted` as plain data."""


_log = logging.getLogger(__name__)


def command_of(matching: Matching) -> str:
    """What counts the same in a terminal."""
    return " ".join(["python", "-m", MODULE, *_options(matching)])


def _options(matching: Matching) -> list[str]:
    return [
        word for name, value in matching for word in (f"--{name}", f"{value:g}" if name == "missing" else str(value))
    ]


@dataclass(slots=True)
class _Job:
    task: asyncio.Task[None]
    share: float = 0.0


class Measurements:
    """What was measured, and what is being measured now."""

    def __init__(self) -> None:
        self._counted: dict[Matching, Counted] = {}
        self._jobs: dict[Matching, _Job] = {}
        self._failed: set[Matching] = set()

    def of(self, matching: Matching) -> Counted | None:
        """What was counted for these prints, if it was."""
        return self._counted.get(matching)

    def state(self, matching: Matching) -> dict[str, Any]:
        """How far it is: `none`, `running` with the share that is done, `done` or `failed`."""
        if matching in self._counted:
            return {"state": "done", "share": 1.0}
        job = self._jobs.get(matching)
        if job is not None:
            return {"state": "running", "share": job.share}
        return {"state": "failed" if matching in self._failed else "none", "share": 0.0}

    def start(self, matching: Matching) -> dict[str, Any]:
        """Measure, unless that was done or is under way.

        Raises:
            InteropError: `busy`, while something else is measured.
        """
        if matching not in self._counted and matching not in self._jobs:
            if self._jobs:
                raise InteropError("busy", "something else is being measured; wait for it, or cancel it", status=409)
            self._failed.discard(matching)
            self._jobs[matching] = _Job(asyncio.create_task(self._measure(matching)))
        return self.state(matching)

    async def cancel(self, matching: Matching) -> dict[str, Any]:
        """Stop measuring, if it is under way."""
        job = self._jobs.get(matching)
        if job is not None:
            await ended([job.task])
            self._jobs.pop(matching, None)  # a task that had not begun does not see to it
        return self.state(matching)

    async def close(self) -> None:
        """Ends what is being measured, when the console does."""
        await ended(job.task for job in self._jobs.values())

    async def _measure(self, matching: Matching) -> None:
        def on_step(said: Line) -> None:
            self._jobs[matching].share = said["share"]

        try:
            self._keep(matching, await result_of(MODULE, *_options(matching), on_step=on_step))
        except InteropError as error:
            _log.warning("a measurement has ended: %s", error)
            self._failed.add(matching)
        finally:
            self._jobs.pop(matching, None)

    def _keep(self, matching: Matching, counted: Counted) -> None:
        while len(self._counted) >= MOST_KEPT:
            self._counted.pop(next(iter(self._counted)))
        self._counted[matching] = counted
