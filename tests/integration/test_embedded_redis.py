"""The embedded Redis: it starts, keeps its data and its secrets, and doesn't outlive its owner."""

import os
import signal
import stat
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from redis import Redis
from redis.exceptions import AuthenticationError, OutOfMemoryError

from sandbox import embedded
from sandbox.embedded import RedisServer, find_binary, wheel_binary
from services.chassis.errors import InteropError
from tests.conftest import AnyRedis, StartRedis
from tests.processes import is_running, wait_until_gone


def test_a_server_answers_at_its_address_and_ends_with_its_block(tmp_path: Path) -> None:
    with RedisServer(tmp_path / "data") as server:
        pid = server.pid

        with Redis.from_url(server.url) as client:
            assert client.ping()
            assert client.config_get("maxmemory") == {"maxmemory": str(512 * 1024 * 1024)}

    assert server.pid is None
    assert pid is not None
    assert not is_running(pid)


def test_the_database_of_each_test_is_empty(redis_server: AnyRedis) -> None:
    with Redis.from_url(redis_server.url) as client:
        assert client.dbsize() == 0
        client.set("left", "behind")


def test_and_empty_again_for_the_next_one(redis_url: str) -> None:
    with Redis.from_url(redis_url) as client:
        assert client.dbsize() == 0


def test_a_password_is_required_and_each_server_has_its_own(tmp_path: Path) -> None:
    with RedisServer(tmp_path / "one") as one, RedisServer(tmp_path / "two") as two:
        port = one.url.rpartition(":")[2]

        with Redis.from_url(f"redis://127.0.0.1:{port}") as nobody, pytest.raises(AuthenticationError):
            nobody.get("anything")

        other = two.url.partition("@")[0]
        with Redis.from_url(f"{other}@127.0.0.1:{port}") as stranger, pytest.raises(AuthenticationError):
            stranger.get("anything")


def test_the_password_is_neither_on_the_command_line_nor_on_the_disk(tmp_path: Path) -> None:
    with RedisServer(tmp_path / "data") as server:
        password = server.url.removeprefix("redis://:").partition("@")[0]
        assert len(password) >= 32

        assert password not in " ".join(psutil.Process(server.pid).cmdline())

        config = tmp_path / "data" / "redis.conf"
        assert stat.S_IMODE(config.stat().st_mode) == 0o600
        assert stat.S_IMODE(config.parent.stat().st_mode) == 0o700
        assert password not in config.read_text()
        assert password not in server.log.read_text()


def test_data_survive_a_kill_through_the_append_only_file(start_redis: StartRedis) -> None:
    server = start_redis()
    before = server.url

    with Redis.from_url(server.url) as client:
        client.set("kept", "yes")
        time.sleep(1.2)  # the append-only file is synced every second

    server.kill()
    server.restart()

    assert server.url == before
    with Redis.from_url(server.url) as client:
        assert client.get("kept") == b"yes"


def test_a_server_that_crashes_is_back_with_everything_that_it_has_answered(tmp_path: Path) -> None:
    with RedisServer(tmp_path) as server, Redis.from_url(server.url) as client:
        url, pid = server.url, server.pid
        for number in range(500):
            client.rpush("herons", number)

        server.crash()

        assert (server.url, server.pid == pid) == (url, False)
        assert client.llen("herons") == 500
        assert client.config_get("appendfsync") == {"appendfsync": "everysec"}, "as it was"


def test_a_server_in_good_order_keeps_its_last_write_over_a_restart(tmp_path: Path) -> None:
    with RedisServer(tmp_path / "data") as server:
        with Redis.from_url(server.url) as client:
            client.set("kept", "yes")

        server.restart()

        with Redis.from_url(server.url) as client:
            assert client.get("kept") == b"yes"


def test_a_new_owner_of_the_same_data_has_a_new_password(tmp_path: Path) -> None:
    with RedisServer(tmp_path / "data") as first, Redis.from_url(first.url) as client:
        client.set("kept", "yes")

    with RedisServer(tmp_path / "data") as second, Redis.from_url(second.url) as client:
        assert client.get("kept") == b"yes"

    assert first.url != second.url


def test_a_full_server_refuses_writes_and_loses_nothing(start_redis: StartRedis) -> None:
    server = start_redis(maxmemory="8mb")

    with Redis.from_url(server.url) as client:
        written = 0
        with suppress(OutOfMemoryError):
            for written in range(200):
                client.set(f"key-{written}", b"x" * 100_000)

        assert 10 < written < 199
        assert client.dbsize() == written


def test_starting_twice_and_stopping_twice_do_no_harm(tmp_path: Path) -> None:
    server = RedisServer(tmp_path / "data").start()
    pid = server.pid

    assert server.start().pid == pid

    server.stop()
    server.stop()
    server.kill()


def test_a_path_with_spaces_and_quotes_will_do(tmp_path: Path) -> None:
    folder = tmp_path / 'a "strange" folder'

    with RedisServer(folder) as server, Redis.from_url(server.url) as client:
        client.set("kept", "yes")

    assert (folder / "appendonlydir").is_dir()


def test_a_machine_without_a_server_is_told_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(embedded, "wheel_binary", lambda: None)

    with pytest.raises(InteropError, match="install redis-server") as caught:
        RedisServer(tmp_path / "data").start()

    assert caught.value.code == "no-redis"


def test_a_binary_that_is_no_server_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(InteropError, match="no-redis: /bin/true is no Redis"):
        RedisServer(tmp_path / "data", binary=Path("/bin/true")).start()

    with pytest.raises(InteropError, match="absent is no Redis"):
        RedisServer(tmp_path / "data", binary=tmp_path / "absent").start()


def test_an_old_server_on_the_path_is_passed_over_for_the_one_in_the_wheel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend_server(tmp_path / "redis-server", "6.0.16")
    monkeypatch.setenv("PATH", str(tmp_path))

    assert find_binary() == wheel_binary()


def test_a_server_on_the_path_comes_before_the_one_in_the_wheel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend_server(tmp_path / "valkey-server", "8.1.0")
    monkeypatch.setenv("PATH", str(tmp_path))

    assert find_binary() == tmp_path / "valkey-server"


def test_a_server_that_does_not_start_is_quoted(tmp_path: Path) -> None:
    with pytest.raises(InteropError, match="argument must be a memory value") as caught:
        RedisServer(tmp_path / "data", maxmemory="lots").start()

    assert caught.value.code == "redis-start"
    assert str(tmp_path / "data" / "redis.log") in caught.value.sentence


def test_a_server_that_does_not_answer_is_given_up_and_ended(tmp_path: Path) -> None:
    silent = tmp_path / "silent-server"
    silent.write_text('#!/bin/sh\n[ "$1" = --version ] && echo "v=7.0.0" && exit\necho warming up\nexec sleep 60\n')
    silent.chmod(0o755)

    with pytest.raises(InteropError, match=r"does not answer after 0\.3 s; its last words: 'warming up'"):
        RedisServer(tmp_path / "data", binary=silent, patience=0.3).start()

    assert not [child for child in psutil.Process().children() if child.name() == "sleep"]


def test_a_server_does_not_outlive_an_owner_that_was_killed(tmp_path: Path) -> None:
    program = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from sandbox.embedded import RedisServer\n"
        "print(RedisServer(Path(sys.argv[1])).start().pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "data")]

    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        pid = int(owner.stdout.readline())
        assert is_running(pid)

        os.kill(owner.pid, signal.SIGKILL)

    wait_until_gone(pid)


def pretend_server(path: Path, version: str) -> None:
    path.write_text(f'#!/bin/sh\necho "Pretend server v={version} sha=0"\n')
    path.chmod(0o755)
