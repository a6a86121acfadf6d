"""The console's worker processes: what they come to, and that none outlives whoever started it."""

import asyncio
import json
import os
import select
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from console.workers import Worker, result_of
from services.chassis.errors import InteropError

COUNTING = """
from console.working import run

def work(tell):
    print("what a library prints")
    tell({"done": 1})
    tell({"done": 2})
    return {"counted": 3}

if __name__ == "__main__":
    run(work)
"""
REFUSING = """
from console.working import run
from services.chassis.errors import InteropError

def work(tell):
    raise InteropError("too-much", "ask for less", status=429)

if __name__ == "__main__":
    run(work)
"""
ECHOING = """
import json, sys
from console.working import run

if __name__ == "__main__":
    first = json.loads(sys.stdin.readline())
    run(lambda tell: first)
"""
DYING = "raise SystemExit(3)"
ENDLESS = """
import time
from console.working import run

def work(tell):
    tell({"began": True})
    time.sleep(600)

if __name__ == "__main__":
    run(work)
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes a module that a worker can run."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(tmp_path), *sys.path]))

    def made(text: str) -> str:
        (tmp_path / "a_worker.py").write_text(text, encoding="utf-8")
        return "a_worker"

    return made


def is_there(number: int) -> bool:
    """Whether a process has not ended, or has been left as a zombie by whoever should have waited for it."""
    return Path(f"/proc/{number}").exists()


def test_a_worker_tells_its_steps_and_its_result_and_nothing_gets_between_them(module: Any) -> None:
    steps: list[Any] = []
    assert asyncio.run(result_of(module(COUNTING), on_step=steps.append)) == {"counted": 3}
    assert steps == [{"done": 1}, {"done": 2}]


def test_what_a_worker_refuses_is_refused_here_in_its_own_words(module: Any) -> None:
    with pytest.raises(InteropError, match="too-much: ask for less") as caught:
        asyncio.run(result_of(module(REFUSING)))
    assert caught.value.status == 429


def test_a_worker_is_told_what_it_waits_for(module: Any) -> None:
    assert asyncio.run(result_of(module(ECHOING), told="two\nlines")) == "two\nlines"


def test_a_worker_that_ends_without_a_word_is_an_error_with_the_next_step(module: Any) -> None:
    with pytest.raises(InteropError, match="try again"):
        asyncio.run(result_of(module(DYING)))


def test_a_worker_that_nobody_waits_for_any_more_is_ended(module: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[int] = []

    async def story() -> None:
        began = asyncio.Event()
        real = Worker.start

        async def start(*words: str) -> Worker:
            worker = await real(*words)
            started.append(worker.process.pid)
            return worker

        monkeypatch.setattr(Worker, "start", start)
        waiting = asyncio.create_task(result_of(module(ENDLESS), on_step=lambda _: began.set()))
        await began.wait()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting

    asyncio.run(story())
    assert started
    assert not is_there(started[0])


def test_a_worker_ends_with_the_console_even_when_that_is_killed(module: Any, tmp_path: Path) -> None:
    module(ENDLESS)
    # Stands for the console: starts a worker, tells its number, and is killed in the middle of everything.
    console = """
import asyncio, json
from console.workers import Worker

async def main():
    worker = await Worker.start("a_worker")
    await worker.hear()
    print(json.dumps(worker.process.pid), flush=True)
    await asyncio.sleep(600)

asyncio.run(main())
"""
    with subprocess.Popen([sys.executable, "-c", console], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        worker = json.loads(process.stdout.readline())
        descriptor = os.pidfd_open(worker)
        process.send_signal(signal.SIGKILL)
    try:
        assert_ends(descriptor)
    finally:
        os.close(descriptor)


def assert_ends(descriptor: int) -> None:
    readable, _, _ = select.select([descriptor], [], [], 20)
    assert readable, "the worker is still there"
