"""The console asks for a restart of Redis by a file, and hears what came of it from another."""

import asyncio
import json
import stat
from pathlib import Path
from typing import Any

import pytest

from console.flow.redis_restart import restart_redis
from console.settings import ConsoleSettings
from sandbox.errands import RESTART_REDIS, answer, answered, ask, asked, withdraw
from services.chassis.errors import InteropError


def told_by(folder: Path, told: dict[str, Any]) -> dict[str, Any]:
    """What the console hears where a stack answers so."""

    async def stack() -> None:
        while (number := asked(folder, RESTART_REDIS)) is None:
            await asyncio.sleep(0.005)
        answer(folder, RESTART_REDIS, number, told)

    async def both() -> dict[str, Any]:
        heard, _ = await asyncio.gather(restart_redis(ConsoleSettings(house_dir=folder), patience=5), stack())
        return heard

    return asyncio.run(both())


def test_what_came_of_it_is_heard_and_the_request_is_gone(tmp_path: Path) -> None:
    assert told_by(tmp_path, {"seconds": 0.31}) == {"seconds": 0.31}
    assert told_by(tmp_path, {"seconds": 0.42}) == {"seconds": 0.42}, "not what came of the one before"

    assert [path.name for path in tmp_path.iterdir()] == ["restart-redis.json"]


def test_a_redis_that_does_not_come_back_is_said_so_with_its_reason(tmp_path: Path) -> None:
    with pytest.raises(InteropError, match="redis-start: it ended as it started"):
        told_by(tmp_path, {"code": "redis-start", "message": "it ended as it started"})


def test_a_redis_of_somebody_elses_is_left_alone() -> None:
    with pytest.raises(InteropError, match="redis-not-ours") as refusal:
        asyncio.run(restart_redis(ConsoleSettings(house_dir=None)))
    assert refusal.value.status == 409


def test_where_nobody_answers_the_request_is_withdrawn(tmp_path: Path) -> None:
    with pytest.raises(InteropError, match="nobody-answers"):
        asyncio.run(restart_redis(ConsoleSettings(house_dir=tmp_path), patience=0.1))
    assert list(tmp_path.iterdir()) == []


def test_a_house_that_is_gone_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(InteropError, match=r"nobody-answers: .*No such file"):
        asyncio.run(restart_redis(ConsoleSettings(house_dir=tmp_path / "gone")))


def test_one_request_at_a_time(tmp_path: Path) -> None:
    ask(tmp_path, RESTART_REDIS)
    with pytest.raises(InteropError, match="under-way"):
        ask(tmp_path, RESTART_REDIS)
    assert [path.name for path in tmp_path.iterdir()] == [RESTART_REDIS]

    withdraw(tmp_path, RESTART_REDIS)
    ask(tmp_path, RESTART_REDIS)


def test_a_request_is_whole_and_nobody_elses_to_read(tmp_path: Path) -> None:
    number = ask(tmp_path, RESTART_REDIS)

    assert asked(tmp_path, RESTART_REDIS) == number
    assert stat.S_IMODE((tmp_path / RESTART_REDIS).stat().st_mode) == 0o600


def test_an_answer_to_another_request_is_not_ones_own(tmp_path: Path) -> None:
    answer(tmp_path, RESTART_REDIS, ask(tmp_path, RESTART_REDIS), {"seconds": 1})

    assert answered(tmp_path, RESTART_REDIS, "another") is None
    assert json.loads((tmp_path / "restart-redis.json").read_text())["seconds"] == 1
