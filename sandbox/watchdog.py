"""A small process that ends others once their owner is gone, however the owner went.

A Redis or a service that outlives a killed `interop` holds its port and works on for nobody. Of the ways against that:

- `atexit` and signal handlers don't run when the owner is killed with SIGKILL;
- `PR_SET_PDEATHSIG` needs a `preexec_fn`, which may deadlock in a program with threads; it fires when the *thread* that
  started the child ends, not the process; and it exists on Linux only;
- a pipe whose end the child notices would need the help of the child, and a Redis gives none.

So the owner holds one end of a pipe, and this file, run as a process of its own, reads the other. The kernel closes the
pipe when the owner is gone, and then the watchdog ends what it was told to guard: SIGTERM, a few seconds, SIGKILL. It
works on Linux and macOS, from any thread, and covers an owner that merely forgets to clean up. What remains open is the
moment between the start of a child and the line that names it.

The child half imports nothing but the standard library, so that it starts in some 30 ms.
"""

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import BinaryIO

GRACE = 5.0
"""Seconds between SIGTERM and SIGKILL once the owner is gone."""


class Watchdog:
    """The owner's half: names the processes that must not outlive it."""

    def __init__(self, *, grace: float = GRACE) -> None:
        command = [sys.executable, "-I", "-S", str(Path(__file__).resolve()), str(grace)]

        # A session of its own, so that Ctrl-C in the owner's terminal doesn't reach it.
        self._process = subprocess.Popen(
            command,
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def guard(self, pid: int) -> None:
        """End this process when the owner is gone."""
        self._order(b"+", pid)

    def forget(self, pid: int) -> None:
        """Leave this process alone from now on: it has ended, and its number may be given to another."""
        self._order(b"-", pid)

    def close(self) -> None:
        """Send the watchdog home; what it still guards ends now."""
        if self._process.stdin is not None:
            self._process.stdin.close()

        self._process.wait()

    def _order(self, verb: bytes, pid: int) -> None:
        if self._process.stdin is None:
            return

        # A watchdog that somebody killed costs only the tidying up after a killed owner: no reason to fail here.
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(b"%s%d\n" % (verb, pid))


class _Ward:
    """A process under guard, held by a descriptor where the system has them, since numbers are used again."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._descriptor: int | None = None

        if sys.platform == "linux":
            # Refused by kernels before 5.3 and by some sandboxes; gone already is fine too.
            with contextlib.suppress(OSError):
                self._descriptor = os.pidfd_open(pid)

    def send(self, number: int) -> None:
        """Send a signal, if the process is still there."""
        with contextlib.suppress(ProcessLookupError):
            if sys.platform == "linux" and self._descriptor is not None:
                signal.pidfd_send_signal(self._descriptor, number)
            else:
                os.kill(self._pid, number)

    def is_running(self) -> bool:
        """Whether the process runs; one that has ended but was never collected doesn't, where descriptors tell."""
        if self._descriptor is not None:
            ended, _, _ = select.select([self._descriptor], [], [], 0)
            return not ended

        try:
            os.kill(self._pid, 0)
        except ProcessLookupError:
            return False

        return True

    def release(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)


def watch(orders: BinaryIO, grace: float) -> None:
    """Follow the owner's orders (`+PID`, `-PID`, one a line) to their end, then end whatever is still listed."""
    wards: dict[int, _Ward] = {}

    for order in orders:
        pid = int(order[1:])
        former = wards.pop(pid, None)
        if former is not None:
            former.release()

        if order.startswith(b"+"):
            wards[pid] = _Ward(pid)

    _end(list(wards.values()), grace)


def _end(wards: list[_Ward], grace: float) -> None:
    for ward in wards:
        ward.send(signal.SIGTERM)

    deadline = time.monotonic() + grace
    while any(ward.is_running() for ward in wards) and time.monotonic() < deadline:
        time.sleep(0.05)

    for ward in wards:
        if ward.is_running():
            ward.send(signal.SIGKILL)


if __name__ == "__main__":
    # It ends when its owner does, not before: whoever signals a whole group of processes means the others.
    for ignored in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ignored, signal.SIG_IGN)

    watch(sys.stdin.buffer, float(sys.argv[1]))
