"""The pace of a process: its stages go as fast as they can, unless somebody slows or halts them on purpose."""

import asyncio
from contextlib import suppress


class Pace:
    """How fast the stages of a process may go. A stage asks before it handles anything.

    Entries that wait here are in hand: their leases are kept, and nothing is counted against them.
    """

    def __init__(self) -> None:
        self._paused = False
        self._slow_ms = 0
        self._changed = asyncio.Event()
        self._freed = asyncio.Event()

    @property
    def paused(self) -> bool:
        """Whether no stage handles anything."""
        return self._paused

    @property
    def slow_ms(self) -> int:
        """How long, in milliseconds, each stage waits before each single entry; 0 is full speed."""
        return self._slow_ms

    def pause(self) -> None:
        """Halts every stage before the next thing it would handle; what one is in the middle of, it ends."""
        self._set(paused=True, slow_ms=self._slow_ms)

    def resume(self) -> None:
        """Lets every stage go on where it was."""
        self._set(paused=False, slow_ms=self._slow_ms)

    def slow_down(self, milliseconds: int) -> None:
        """Lets every stage take entries one by one, each after a wait; 0 gives it its batches back."""
        self._set(paused=self._paused, slow_ms=milliseconds)

    def free(self) -> None:
        """Full speed, at once, for all that waits: the process is to end, and ends what it has in hand."""
        self._freed.set()
        self._set(paused=False, slow_ms=0)

    async def linger(self, seconds: float) -> None:
        """Waits so long in the middle of something, but no longer than until the process is to end."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._freed.wait()

    async def open(self) -> None:
        """Waits while the stages are halted."""
        while self._paused:
            await self._changed.wait()

    async def allowed(self, count: int) -> int:
        """Waits until entries may be handled; tells how many of `count` may be now."""
        while self._paused or self._slow_ms:
            changed = self._changed
            try:
                async with asyncio.timeout(None if self._paused else self._slow_ms / 1000):
                    await changed.wait()
            except TimeoutError:
                return 1
        return count

    def _set(self, *, paused: bool, slow_ms: int) -> None:
        self._paused, self._slow_ms = paused, slow_ms
        # Whoever waits looks again; whoever comes later waits for the next change.
        self._changed.set()
        self._changed = asyncio.Event()
