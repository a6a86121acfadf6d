"""The runs that pages were asked for: each is counted once, by a process of its own, and kept while this one is up."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from console.claims.order import Order
from console.workers import ended, result_of
from services.chassis.errors import InteropError

MODULE = "console.claims.worker"
KEPT = 16
"""How many runs are kept. One is some 30 kB."""

MOST_AT_ONCE = 1
MOST_WAITING = 8


@dataclass(slots=True)
class Run:
    """A run on its way, or at its end.

    Attributes:
        done: how many steps are done, of how many.
        words: what it is at.
        counted: what `counting.count_run` told, once it has.
        error: what went wrong.
    """

    done: int = 0
    of: int = 1
    words: str = "waiting for its turn"
    counted: dict[str, Any] | None = None
    error: InteropError | None = None
    task: asyncio.Task[None] | None = None

    @property
    def state(self) -> str:
        """`counting`, `counted` or `failed`."""
        if self.error is not None:
            return "failed"
        return "counting" if self.counted is None else "counted"

    def as_record(self) -> dict[str, Any]:
        """How far it is, as plain JSON data."""
        sentence = None if self.error is None else str(self.error)
        return {"state": self.state, "done": self.done, "of": self.of, "words": self.words, "error": sentence}

    def step(self, said: Mapping[str, Any]) -> None:
        """Takes what the worker says of a step."""
        self.done, self.of, self.words = said["done"], said["of"], said["words"]


class Runs:
    """The runs of this process. Who asks for one again gets the one that is there."""

    def __init__(self) -> None:
        self._runs: dict[Order, Run] = {}
        self._under_way: set[asyncio.Task[None]] = set()
        self._turns = asyncio.Semaphore(MOST_AT_ONCE)

    def run_of(self, order: Order) -> Run:
        """The run of an order, begun now if it is not there yet, or failed.

        Raises:
            InteropError: `too-many-runs`, when too many others are waiting.
        """
        found = self._runs.pop(order, None)
        if found is not None and found.state != "failed":
            self._runs[order] = found  # the one asked for last is forgotten last
            return found
        if sum(run.state == "counting" for run in self._runs.values()) >= MOST_WAITING:
            raise InteropError(
                "too-many-runs", "other runs are being counted; wait a moment, then ask again", status=429
            )
        self._make_room()
        run = Run()
        self._runs[order] = run
        run.task = asyncio.create_task(self._count(order, run))
        self._under_way.add(run.task)
        run.task.add_done_callback(self._under_way.discard)
        return run

    def known(self, order: Order) -> Run | None:
        """The run of an order, if somebody asked for it."""
        return self._runs.get(order)

    def cancel(self, order: Order) -> None:
        """Ends the counting of a run, and forgets it unless it is counted."""
        run = self._runs.get(order)
        if run is not None and run.counted is None:
            del self._runs[order]
            if run.task is not None:
                run.task.cancel()

    async def close(self) -> None:
        """Ends whatever is being counted, when the console does; what was cancelled a moment ago ends, too."""
        await ended(self._under_way)

    def _make_room(self) -> None:
        settled = [order for order, run in self._runs.items() if run.state != "counting"]
        for order in settled[: max(0, len(self._runs) - KEPT + 1)]:
            del self._runs[order]

    async def _count(self, order: Order, run: Run) -> None:
        try:
            async with self._turns:
                run.words = "starting to count"
                run.counted = await result_of(MODULE, order.text, on_step=run.step)
                run.done = run.of
        except InteropError as error:
            run.error = error
        except asyncio.CancelledError:
            run.error = InteropError("not-counted", "the count was cancelled; load the page again to begin anew")
            raise
