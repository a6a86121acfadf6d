"""How long something takes, by the clock and in processor time."""

import os
import time
from collections.abc import Callable
from pathlib import Path

from sandbox.bench.pipeline.groups import Settled
from sandbox.bench.pipeline.result import Round
from sandbox.bench.pipeline.variants import Ground, Pids
from services.chassis.errors import InteropError

PATIENCE_SECONDS = 600.0
LOOK_EVERY_SECONDS = 0.01


class Clock:
    """Starts when it is made."""

    def __init__(self, ground: Ground, pids: Pids) -> None:
        self._settled = Settled(ground.redis)
        self._pids = dict(pids)
        if ground.server.pid is not None:
            self._pids["redis"] = ground.server.pid
        self._processor = self._spent()
        self._started = time.perf_counter()

    def when_settled(self) -> Round:
        """Stops when every group has done everything, and tells how long that took."""
        return self.when(lambda: not self._settled.owing())

    def when(self, done: Callable[[], bool]) -> Round:
        """Stops when all is done, and tells how long it took.

        Raises:
            InteropError: `bench-stuck`.
        """
        while not done():
            if time.perf_counter() - self._started > PATIENCE_SECONDS:
                owing = ", ".join(self._settled.owing())
                raise InteropError("bench-stuck", f"not done after {PATIENCE_SECONDS:.0f} s; still owing: {owing}")
            time.sleep(LOOK_EVERY_SECONDS)
        seconds = time.perf_counter() - self._started
        spent = self._spent()
        return Round(seconds, {name: spent[name] - before for name, before in self._processor.items()})

    def _spent(self) -> dict[str, float]:
        spent = {name: _processor_seconds(pid) for name, pid in self._pids.items()}
        return {name: seconds for name, seconds in spent.items() if seconds is not None}


def _processor_seconds(pid: int) -> float | None:
    """The processor time of a process so far; None where the system does not tell it this way."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return None
    user, system = int(fields[11]), int(fields[12])
    return (user + system) / os.sysconf("SC_CLK_TCK")
