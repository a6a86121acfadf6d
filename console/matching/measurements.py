"""Measurements in worker processes: one at a time, with progress, and what was counted is kept."""

import asyncio
import contextlib
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from console.matching.choices import Matching
from services.chassis.errors import InteropError

MOST_KEPT = 64

Counted = Mapping[str, Any]
"""`measure.Counted` as plain data."""


def command_of(matching: Matching) -> list[str]:
    """The arguments of the worker, after the interpreter."""
    choices = [
        word for name, value in matching for word in (f"--{name}", f"{value:g}" if name == "missing" else str(value))
    ]
    return ["-m", "console.matching.measure", *choices]


@dataclass(slots=True)
class _Job:
    process: asyncio.subprocess.Process
    reader: asyncio.Task[None]
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

    async def start(self, matching: Matching) -> dict[str, Any]:
        """Measure, unless that was done or is under way.

        Raises:
            InteropError: `busy`, while something else is measured.
        """
        if matching not in self._counted and matching not in self._jobs:
            if self._jobs:
                raise InteropError("busy", "something else is being measured; wait for it, or cancel it", status=409)
            self._failed.discard(matching)
            process = await asyncio.create_subprocess_exec(
                sys.executable, *command_of(matching), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
            )
            self._jobs[matching] = _Job(process, asyncio.create_task(self._read(matching, process)))
        return self.state(matching)

    async def cancel(self, matching: Matching) -> dict[str, Any]:
        """Stop measuring, if it is under way."""
        job = self._jobs.get(matching)
        if job is not None:
            with contextlib.suppress(ProcessLookupError):
                job.process.kill()
            await job.reader
            self._failed.discard(matching)
        return self.state(matching)

    async def _read(self, matching: Matching, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None  # noqa: S101  it was asked for
        try:
            async for line in process.stdout:
                told = json.loads(line)
                if "counted" in told:
                    self._keep(matching, told["counted"])
                elif matching in self._jobs:
                    self._jobs[matching].share = told["share"]
        finally:
            if await process.wait() != 0:
                self._failed.add(matching)
            self._jobs.pop(matching, None)

    def _keep(self, matching: Matching, counted: Counted) -> None:
        while len(self._counted) >= MOST_KEPT:
            self._counted.pop(next(iter(self._counted)))
        self._counted[matching] = counted
