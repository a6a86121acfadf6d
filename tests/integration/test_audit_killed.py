"""Audit is killed twenty times while it logs fifty thousand disclosures; afterwards the log is exact, and verifies."""

import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from redis import Redis

from sandbox.audit.place import reconcile
from sandbox.dead_letters import all_letters
from services.audit.events import WATCHED
from services.audit.log import Published, StoredLog
from services.audit.positions import ends, settled
from services.audit.settings import AuditSettings
from services.audit.tlog.policy import Policy
from services.audit.tlog.verify import verify_log
from services.chassis.delivery import keys
from services.chassis.errors import InteropError

KILLS = 20
DISCLOSURES = 50_000
PEOPLE = 2_500
TYPES = ("fingerprints.submitted.v1", "identification.returned.v1", "custody.claimed.v1")
PATIENCE_SECONDS = 60.0

_EVENT = (
    '{"specversion":"1.0","id":"%(number)08x-2010-5000-8000-000000000041","source":"LEA","type":"%(type)s",'
    '"subject":"ZZ0010000/B-%(person)05d","time":"2010-02-%(day)02dT14:00:00Z","runid":"heron-run-7",'
    '"tcn":"T-%(person)05d","data":{"disclosures":['
    '{"from":"LEA","to":"SIB","categories":["biometric"],"basis":"state law","purpose":"identification"},'
    '{"from":"SIB","to":"FBI","categories":["biometric","charge"],"basis":"28 USC 534","purpose":"identification"},'
    '{"from":"FBI","to":"DHS","categories":["biometric"],"basis":"8 USC 1722","purpose":"search"},'
    '{"from":"DHS","to":"ICE","categories":["match"],"basis":"8 USC 1722","purpose":"triage"}]}}'
)
_QUIET = {"RECONCILE_SECONDS": "3600", "PUBLISH_SECONDS": "3600"}
"""What goes on beside the logging is not what is tested here."""

_WAITING = (
    "import runpy, sys\n"
    "import services.audit.app\n"
    "sys.stdin.readline()\n"
    "runpy.run_module('services.audit', run_name='__main__')\n"
)
"""`python -m services.audit`, which has imported everything when it is told to begin."""


class Audit:
    """The service's process, with the next one always at hand."""

    def __init__(self, redis_url: str, folder: Path) -> None:
        settings = {"REDIS_URL": redis_url, "STATE_DIR": str(folder), "LEASE_MS": "1500", "BATCH": "64", **_QUIET}
        self._environment = {**os.environ, **{f"INTEROP_{name}": value for name, value in settings.items()}}
        self._next = self._prepared()
        self._process = self._next
        self.begin()

    def begin(self) -> None:
        self._process, self._next = self._next, self._prepared()
        assert self._process.stdin is not None
        self._process.stdin.write(b"begin\n")
        self._process.stdin.flush()

    def kill_and_begin(self) -> None:
        assert self._process.poll() is None, "audit has ended by itself"
        _end(self._process)
        self.begin()

    def end(self) -> None:
        for process in (self._process, self._next):
            _end(process)

    def _prepared(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, "-c", _WAITING], env=self._environment, stdin=subprocess.PIPE)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
    assert process.stdin is not None
    process.stdin.close()


def publish_everything(redis: Redis) -> None:
    events = DISCLOSURES // 4
    for first in range(0, events, 2_500):
        with redis.pipeline(transaction=False) as pipeline:
            for number in range(first, first + 2_500):
                kind = TYPES[number % len(TYPES)]
                values = {"number": number, "type": kind, "person": number % PEOPLE, "day": 1 + number * 28 // events}
                pipeline.xadd(keys.stream(kind), {"event": _EVENT % values})
            pipeline.execute()


@pytest.fixture
def audit(redis_url: str, tmp_path: Path) -> Iterator[Audit]:
    audit = Audit(redis_url, tmp_path)
    yield audit
    audit.end()


@pytest.mark.parametrize("server_kind", ["embedded"], indirect=True, scope="session")
def test_audit_is_killed_twenty_times_during_fifty_thousand_disclosures_and_the_log_is_exact(
    audit: Audit, redis_url: str, tmp_path: Path
) -> None:
    dice = random.Random(41)
    with Redis.from_url(redis_url) as redis:
        publish_everything(redis)
        for _ in range(KILLS):
            enough = size_of(tmp_path) + dice.randrange(1, 2_000)
            wait_until(lambda at=enough: size_of(tmp_path) >= at)
            time.sleep(dice.uniform(0.0, 0.1))  # anywhere in the next commits
            audit.kill_and_begin()
        assert size_of(tmp_path) < DISCLOSURES, "it was killed at work every time"
        wait_until(lambda: settled(redis, WATCHED) == ends(redis, WATCHED))
        audit.end()

        assert list(all_letters(redis)) == []
        result = reconcile(redis, tmp_path)
    assert result.reconciled
    assert (result.size, result.matched, result.lag) == (DISCLOSURES, DISCLOSURES, 0)
    assert verified_size(tmp_path) == DISCLOSURES


def wait_until(condition: object) -> None:
    assert callable(condition)
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "audit does not get on"
        time.sleep(0.005)


def size_of(folder: Path) -> int:
    """How many entries the log has; none before it has begun."""
    try:
        with closing(AuditSettings(state_dir=folder).read_log()) as log:
            return log.head()[0].size
    except (InteropError, ValueError):
        return 0


def verified_size(folder: Path) -> int:
    settings = AuditSettings(state_dir=folder)
    with closing(settings.read_log()) as log:
        head = head_of(log)
        policy = Policy(settings.signer().verifier)
        return verify_log(lambda path: log.read_file(path, head), policy).checkpoint.size


def head_of(log: StoredLog) -> Published:
    """Nothing is published without witnesses; what they would be shown is checked."""
    checkpoint, note = log.head()
    return Published(checkpoint.size, note, {}, 0.0)
