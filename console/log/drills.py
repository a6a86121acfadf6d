"""The tamper drill as the page starts it, watches it and cancels it. One at a time: it takes a core."""

import asyncio
import contextlib
import json
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from typing import Any

from services.chassis.errors import InteropError

LONGEST_SECONDS = 120.0
"""After this a drill is given up."""

_LINE_LIMIT = 1_000_000

Told = dict[str, Any]


class Drills:
    """Runs drills, each in a process of its own."""

    def __init__(self, log_url: str) -> None:
        self._log_url = log_url
        self._process: Process | None = None
        self._task: asyncio.Task[None] | None = None
        self._told: Told = {"status": "none"}
        self._number = 0

    def told(self) -> Told:
        """How the newest drill stands: `status` (none, running, done, failed, cancelled), and what belongs to it."""
        return self._told

    async def start(self, older: bytes, flips: int, seed: int) -> Told:
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
        try:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "console.log.drilling", self._log_url, str(flips), str(seed)),
                stdin=PIPE,
                stdout=PIPE,
                stderr=DEVNULL,
                limit=_LINE_LIMIT,
            )
        except OSError as error:
            self._tell("failed", error=_error("drill-failed", f"the drill cannot be started: {error.strerror}"))
            return self._told
        self._process = process
        self._task = asyncio.create_task(self._watch(process, older))
        return self._told

    async def cancel(self) -> Told:
        """Ends the drill that is running, if one is."""
        if self._told["status"] == "running":
            self._tell("cancelled")
            self._kill()
        if self._task is not None:
            await self._task
        return self._told

    async def _watch(self, process: Process, older: bytes) -> None:
        try:
            async with asyncio.timeout(LONGEST_SECONDS):
                await self._listen(process, older)
        except TimeoutError:
            self._tell("failed", error=_error("drill-too-long", "the drill took too long; run 'interop audit drill'"))
        finally:
            self._kill()
            await process.wait()
        if self._told["status"] == "running":
            sentence = "the drill ended without a result; run 'interop audit drill' to see why"
            self._tell("failed", error=_error("drill-failed", sentence))

    async def _listen(self, process: Process, older: bytes) -> None:
        assert process.stdin is not None  # noqa: S101  it was asked for
        assert process.stdout is not None  # noqa: S101  as above
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            process.stdin.write(older)
            await process.stdin.drain()
        process.stdin.close()
        async for line in process.stdout:
            if self._told["status"] == "running":
                self._take(json.loads(line))

    def _take(self, said: Told) -> None:
        if "error" in said:
            self._tell("failed", error=said["error"])
        elif "result" in said:
            self._tell("done", **said["result"])
        else:
            self._told = self._told | said

    def _tell(self, status: str, **more: Any) -> None:
        self._told = {"status": status, "number": self._number, **more}

    def _kill(self) -> None:
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()


def _error(code: str, sentence: str) -> dict[str, str]:
    return {"code": code, "message": sentence}
