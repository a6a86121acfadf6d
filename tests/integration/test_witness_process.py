"""A witness as a process: killed at any moment, it knows what it has signed."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from sandbox.ports import free_port
from services.audit.witnesses import Answer, Behind, Cosigned, Witness
from tests.unit.log_faces import AUDIT, FORGED, HONEST, Log

READY_SECONDS = 30.0


class Process:
    """`python -m services.audit.witness`, with a folder that stays."""

    def __init__(self, state_dir: Path) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        settings = {"INTEROP_PORT": str(port), "INTEROP_STATE_DIR": str(state_dir), "INTEROP_LOG_KEY": AUDIT.vkey}
        command = [sys.executable, "-m", "services.audit.witness"]
        self.process = subprocess.Popen(command, env={**os.environ, **settings})

    def wait_ready(self) -> "Process":
        deadline = time.monotonic() + READY_SECONDS
        while not self._is_ready():
            assert self.process.poll() is None, "the witness has ended"
            assert time.monotonic() < deadline, "the witness does not become ready"
            time.sleep(0.05)
        return self

    def show(self, log: Log, old: int, size: int) -> Answer:
        async def ask() -> Answer:
            witness = Witness(self.url)
            try:
                return await witness.add_checkpoint(old, log.proof(old, size), log.note(size))
            finally:
                await witness.aclose()

        return asyncio.run(ask())

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(timeout=15)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(timeout=15)

    def _is_ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/readyz", trust_env=False).status_code == 200
        except httpx.TransportError:
            return False


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[], Process]]:
    """Starts the witness; each time with the same folder."""
    with ExitStack() as running:

        def begin() -> Process:
            witness = Process(tmp_path)
            running.callback(witness.kill)
            return witness.wait_ready()

        yield begin


def test_a_witness_that_is_killed_after_its_answer_remembers_what_it_has_signed(start: Callable[[], Process]) -> None:
    before = start()
    assert isinstance(before.show(HONEST, 0, 30), Cosigned)
    before.kill()

    assert start().show(FORGED, 0, 38) == Behind(30)


def test_a_witness_that_is_told_to_stop_leaves_a_memory_that_is_closed(
    start: Callable[[], Process], tmp_path: Path
) -> None:
    witness = start()
    witness.show(HONEST, 0, 30)

    witness.stop()

    assert sorted(file.name for file in tmp_path.iterdir()) == ["witness.key", "witness.sqlite"]
