"""A service that finds at its start, or later, that it must not go on says why in one sentence, and ends."""

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import SecretStr

from services.audit.database import SqliteDatabase
from services.audit.log import LOG_FILE, Append, Position, event_key
from services.audit.settings import AuditSettings
from services.chassis.errors import InteropError
from services.chassis.service import Service, serve
from services.chassis.settings import ServiceSettings


def a_service(redis_url: str) -> Service:
    return Service("booking", "A service of a test", ServiceSettings(redis_url=SecretStr(redis_url)))


def test_what_a_service_finds_before_it_reads_anything_ends_it_with_that_sentence(redis_url: str) -> None:
    service = a_service(redis_url)
    ended: list[str] = []

    async def find() -> None:
        raise InteropError("log-forked", "a witness has seen another log than this")

    service.beforehand(find)
    service.afterwards(lambda: ended.append("files are closed"))

    with pytest.raises(InteropError, match="log-forked: a witness has seen another log than this"):
        serve(service)
    assert ended == ["files are closed"]


def test_what_a_service_finds_later_ends_it_with_that_sentence(redis_url: str) -> None:
    service = a_service(redis_url)

    async def find() -> None:
        raise InteropError("log-rolled-back", "a witness has seen more entries than this log has")

    service.background(find)

    with pytest.raises(InteropError, match="log-rolled-back: a witness has seen more entries than this log has"):
        serve(service)


def test_a_log_of_which_entries_are_gone_is_not_opened_and_says_why(tmp_path: Path) -> None:
    log = AuditSettings(state_dir=tmp_path).open_log()
    at = datetime(2010, 2, 10, tzinfo=UTC)
    log.append([Append(event_key("heron-run-7", at, "heron-41"), Position("{0}:x.v1", 1, 0), (b"one", b"two"))])
    log.close()
    database = SqliteDatabase(tmp_path / LOG_FILE)
    database.run("DELETE FROM log_entry WHERE number = 1")
    database.close()

    ended = subprocess.run(
        [sys.executable, "-m", "services.audit"],
        env=os.environ | {"INTEROP_STATE_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert ended.returncode == 2
    assert ended.stderr.startswith("log-altered: the stored log does not fit together: it has 1 entries")
    assert len(ended.stderr.splitlines()) == 1
