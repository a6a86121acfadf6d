"""The tamper drill as the page starts it, watches it and cancels it. One at a time: it takes a core."""

import asyncio
from typing import Any

from console.workers import Line, ended, result_of
from services.chassis.errors import InteropError

MODULE = "console.log.drilling"
LONGEST_SECONDS = 120.0
"""After this a drill is given up."""

Told = dict[str, Any]


class Drills:
    """Runs drills, each in a process of its own."""

    def __init__(self, log_url: str) -> None:
        self._log_url = log_url
        self._task: asyncio.Task[None] | None = None
        self._told: Told = {"status": "none"}
        self._number = 0

    def told(self) -> Told:
        """How the newest drill stands: `status` (none, running, done, failed, cancelled), and what belongs to it."""
        return self._told

    def start(self, older: str, flips: int, seed: int) -> Told:
        """Starts a drill.

        Args:
            older: a checkpoint that the reader has kept; empty for none.
            flips: how many single bits are flipped.
            seed: draws the places.

        Raises:
            InteropError: `drill-running`, when there is one already.
        """
        if self._told["status"] == "running":
            raise InteropError("drill-running", "a drill is running already; watch it, or cancel it", status=409)
        self._number += 1
        self._told = {"status": "running", "number": self._number, "step": "copying the log", "done": 0, "total": 1}
        self._task = asyncio.create_task(self._drill(older, flips, seed))
        return self._told

    async def cancel(self) -> Told:
        """Ends the drill that is running, if one is."""
        if self._told["status"] == "running":
            self._tell("cancelled")
            await self.close()
        return self._told

    async def close(self) -> None:
        """Ends whatever is running, when the console does."""
        if self._task is not None:
            await ended([self._task])

    async def _drill(self, older: str, flips: int, seed: int) -> None:
        arguments = self._log_url, str(flips), str(seed)
        try:
            async with asyncio.timeout(LONGEST_SECONDS):
                result = await result_of(MODULE, *arguments, told=older, on_step=self._step)
        except InteropError as error:
            self._fail(error.code, error.sentence)
        except TimeoutError:
            self._fail("drill-too-long", "the drill took too long; run 'interop audit drill'")
        else:
            self._tell("done", **result)

    def _step(self, said: Line) -> None:
        self._told = self._told | said

    def _fail(self, code: str, sentence: str) -> None:
        self._tell("failed", error={"code": code, "message": sentence})

    def _tell(self, status: str, **more: Any) -> None:
        self._told = {"status": status, "number": self._number, **more}
