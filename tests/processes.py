"""What the tests ask about processes other than their own."""

import time

import psutil


def is_running(pid: int) -> bool:
    """Whether a process runs; one that has ended counts as gone even if nobody has collected it."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def wait_until_gone(*pids: int, seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds

    while any(is_running(pid) for pid in pids):
        assert time.monotonic() < deadline, f"still running: {[pid for pid in pids if is_running(pid)]}"
        time.sleep(0.05)
