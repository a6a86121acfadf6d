"""The local stack, with pretend services: what ends is started again, what can't start is given up, all ends well."""

import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from sandbox.embedded import RedisServer, answers
from sandbox.ports import free_port
from sandbox.stack import Stack, latest_state_dir, new_state_dir, next_backoff, running_stack
from services.chassis.errors import InteropError
from tests.integration.oracle import eventually
from tests.processes import is_running, wait_until_gone

PRETEND_SERVICE = """
import json, os, signal, sys
from http.server import BaseHTTPRequestHandler, HTTPServer

name = os.environ["INTEROP_CONSUMER"].rpartition("-")[0]

if name == os.environ.get("PRETEND_DEATH"):
    print("the cupboard is bare")
    sys.exit(3)

if name == os.environ.get("PRETEND_REFUSAL"):
    print("log-forked: a witness has seen another log")
    sys.exit(2)


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(503 if name == os.environ.get("PRETEND_UNREADY") else 200)
        self.end_headers()
        self.wfile.write(json.dumps({k: v for k, v in os.environ.items() if k.startswith("INTEROP_")}).encode())

    def log_message(self, *args):
        pass


def end(*_):
    if name == os.environ.get("PRETEND_DEAFNESS"):
        print("not listening")
    else:
        print("going in good order")
        sys.exit(0)


signal.signal(signal.SIGTERM, end)
print("coming up")
HTTPServer((os.environ["INTEROP_HOST"], int(os.environ["INTEROP_PORT"])), Handler).serve_forever()
"""

SERVICES = ("booking", "audit")
SHARDED = "biometric_match"


@pytest.fixture(scope="module")
def pretend(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder to import `pretend.booking` and `pretend.audit` from."""
    folder = tmp_path_factory.mktemp("services")
    (folder / "pretend").mkdir()

    for service in (*SERVICES, SHARDED):
        (folder / "pretend" / f"{service}.py").write_text(PRETEND_SERVICE)

    return folder


@pytest.fixture(scope="module")
def a_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with RedisServer(tmp_path_factory.mktemp("redis")) as server:
        yield server.url


@pytest.fixture(autouse=True)
def no_redis_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REDIS_URL", raising=False)


def pretend_stack(
    pretend: Path, state_dir: Path, *, environment: dict[str, str] | None = None, **options: Any
) -> Stack:
    return Stack(
        state_dir,
        package="pretend",
        services=options.pop("services", SERVICES),
        preferred_ports=options.pop("preferred_ports", {}),
        extra_env={"PYTHONPATH": str(pretend), **(environment or {})},
        **options,
    )


def test_every_service_runs_as_a_process_with_its_settings(pretend: Path, tmp_path: Path, a_redis: str) -> None:
    state_dir = tmp_path / "state"

    with pretend_stack(pretend, state_dir, redis_url=a_redis, workers=2, environment={"INTEROP_EXTRA": "1"}) as stack:
        stack.wait_ready(10)

        assert list(stack.urls) == ["booking", "audit"]
        settings = httpx.get(f"{stack.urls['booking']}/").json()
        assert settings == {
            "INTEROP_REDIS_URL": a_redis,
            "INTEROP_HOST": "127.0.0.1",
            "INTEROP_PORT": stack.urls["booking"].rpartition(":")[2],
            "INTEROP_CONSUMER": "booking-1",
            "INTEROP_STATE_DIR": str(state_dir),
            "INTEROP_EXTRA": "1",
        }

        pids = {stack.process(*worker).pid for worker in (("booking", 1), ("booking", 2), ("audit", 1))}
        assert len(pids) == 3
        # However many workers there are, there is one process of audit: a log has one writer.
        assert {path.name for path in (state_dir / "logs").iterdir()} == {
            "booking-1.log",
            "booking-2.log",
            "audit-1.log",
        }

    assert not any(is_running(pid) for pid in pids)


def test_every_shard_has_a_process_of_its_own(pretend: Path, tmp_path: Path, a_redis: str) -> None:
    services = ("booking", SHARDED)

    with pretend_stack(pretend, tmp_path, redis_url=a_redis, services=services, shards=2) as stack:
        stack.wait_ready(10)

        assert httpx.get(f"{stack.urls[SHARDED]}/").json()["INTEROP_SHARDS"] == "2"
        assert "INTEROP_SHARDS" not in httpx.get(f"{stack.urls['booking']}/").json()
        logs = {path.name for path in (tmp_path / "logs").iterdir()}
        assert logs == {"booking-1.log", "biometric_match-1.log", "biometric_match-2.log"}


def test_a_stop_is_in_good_order(pretend: Path, tmp_path: Path, a_redis: str) -> None:
    with pretend_stack(pretend, tmp_path, redis_url=a_redis) as stack:
        stack.wait_ready(10)
        process = stack.process("audit")
        log = stack.log("audit")

    assert process.returncode == 0
    assert log.read_text().split("\n") == ["coming up", "going in good order", ""]

    stack.stop()


def test_a_service_that_does_not_listen_is_killed_after_the_grace(pretend: Path, tmp_path: Path, a_redis: str) -> None:
    deaf = {"PRETEND_DEAFNESS": "audit"}

    with pretend_stack(pretend, tmp_path, redis_url=a_redis, grace=3.0, environment=deaf) as stack:
        stack.wait_ready(10)
        process = stack.process("audit")
        polite = stack.process("booking")

    assert process.returncode == -signal.SIGKILL
    assert polite.returncode == 0


def test_a_killed_service_comes_back_on_its_port_and_under_its_name(
    pretend: Path, tmp_path: Path, a_redis: str
) -> None:
    with pretend_stack(pretend, tmp_path, redis_url=a_redis) as stack:
        stack.wait_ready(10)
        before = stack.process("booking")
        other = stack.process("audit")

        before.kill()
        before.wait()
        stack.wait_ready(10)

        after = stack.process("booking")
        assert after.pid != before.pid
        assert stack.process("audit") is other

        assert httpx.get(f"{stack.urls['booking']}/").json()["INTEROP_CONSUMER"] == "booking-1"
        assert json.loads((tmp_path / "stack.json").read_text())["pids"]["booking-1"] == after.pid
        assert stack.failure is None


def test_a_service_that_was_ready_once_is_restarted_however_often_it_ends(
    pretend: Path, tmp_path: Path, a_redis: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sandbox.stack.LONGEST_BACKOFF", 0.05)
    monkeypatch.setattr("sandbox.stack.FIRST_BACKOFF", 0.05)

    with pretend_stack(pretend, tmp_path, redis_url=a_redis) as stack:
        stack.wait_ready(10)

        for _ in range(6):
            stack.process("booking").kill()
            stack.process("booking").wait()
            stack.wait_ready(10)


def test_a_service_that_dies_five_times_before_it_is_ready_is_given_up(
    pretend: Path, tmp_path: Path, a_redis: str
) -> None:
    dying = {"PRETEND_DEATH": "audit"}

    with pretend_stack(pretend, tmp_path, redis_url=a_redis, environment=dying) as stack:
        with pytest.raises(InteropError, match=r"audit-1 died 5 times .* 'the cupboard is bare'") as caught:
            stack.wait_ready(20)

        assert caught.value.code == "service-died"
        assert stack.failure is caught.value

        assert stack.log("audit").read_text().count("the cupboard is bare") == 5
        assert stack.process("booking").poll() is None


def test_a_service_that_says_why_it_will_not_start_is_given_up_at_once(
    pretend: Path, tmp_path: Path, a_redis: str
) -> None:
    refusing = {"PRETEND_REFUSAL": "audit"}

    with pretend_stack(pretend, tmp_path, redis_url=a_redis, environment=refusing) as stack:
        with pytest.raises(InteropError, match=r"audit-1 will not start: a witness has seen another log") as caught:
            stack.wait_ready(20)

        assert caught.value.code == "log-forked"
        assert stack.log("audit").read_text().count("log-forked") == 1


def test_a_service_that_never_turns_ready_is_named_with_its_last_words(
    pretend: Path, tmp_path: Path, a_redis: str
) -> None:
    unready = {"PRETEND_UNREADY": "audit"}

    with pretend_stack(pretend, tmp_path, redis_url=a_redis, environment=unready) as stack:
        for url in stack.urls.values():
            eventually(lambda url=url: serves(url), "it answers, whether it is ready or not")

        with pytest.raises(InteropError, match=r"not ready after 0\.7 s: audit-1; .* 'coming up'"):
            stack.wait_ready(0.7)


def serves(url: str) -> bool:
    try:
        return bool(httpx.get(url, trust_env=False).status_code)
    except httpx.TransportError:
        return False


def test_without_an_address_the_stack_brings_its_own_redis(pretend: Path, tmp_path: Path) -> None:
    with pretend_stack(pretend, tmp_path, maxmemory="64mb") as stack:
        stack.wait_ready(10)
        url = stack.redis_url

        assert answers(url)
        assert stack.redis is not None
        assert (tmp_path / "redis" / "appendonlydir").is_dir()

    assert stack.redis is None
    assert not answers(url)


def test_the_redis_that_the_environment_names_is_used_and_left_running(
    pretend: Path, tmp_path: Path, a_redis: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_URL", a_redis)

    with pretend_stack(pretend, tmp_path) as stack:
        assert stack.redis is None
        assert stack.redis_url == a_redis

    assert answers(a_redis)


def test_the_console_may_ask_for_a_restart_of_the_stacks_own_redis_and_of_no_other(
    tmp_path: Path, a_redis: str
) -> None:
    def told(stack: Stack) -> dict[str, str]:
        return psutil.Process(stack.process("console").pid).environ()

    alone: dict[str, Any] = {"services": ["console"], "preferred_ports": {}}
    with Stack(tmp_path / "own", **alone) as own, Stack(tmp_path / "named", redis_url=a_redis, **alone) as named:
        assert told(own)["INTEROP_HOUSE_DIR"] == str(tmp_path / "own" / "requests")
        assert "INTEROP_HOUSE_DIR" not in told(named)


def test_a_named_redis_that_does_not_answer_is_named_without_its_password(pretend: Path, tmp_path: Path) -> None:
    stack = pretend_stack(pretend, tmp_path, redis_url="redis://:secret@127.0.0.1:9/0")

    with pytest.raises(InteropError, match=r"no Redis answers at redis://127\.0\.0\.1:9/0;") as caught:
        stack.start()

    assert caught.value.code == "redis-unreachable"
    assert "secret" not in str(caught.value)
    assert not (tmp_path / "stack.json").exists()


def test_a_stack_that_is_up_is_found_and_one_that_is_down_is_not(pretend: Path, tmp_path: Path, a_redis: str) -> None:
    assert running_stack(tmp_path / ".interop") is None
    state_dir = new_state_dir(tmp_path / ".interop")

    with pretend_stack(pretend, state_dir, redis_url=a_redis) as stack:
        found = running_stack(tmp_path / ".interop")

        assert found is not None
        assert found.state_dir == state_dir
        assert found.urls == stack.urls
        assert found.redis_url == a_redis
        assert found.pids == {f"{service}-1": stack.process(service).pid for service in SERVICES}

        assert a_redis not in repr(found)
        assert stat.S_IMODE((state_dir / "stack.json").stat().st_mode) == 0o600

    assert running_stack(tmp_path / ".interop") is None
    assert not (state_dir / "stack.json").exists()


def test_an_address_that_is_none_is_refused_in_one_sentence(
    pretend: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_URL", "localhost:6379")

    with pytest.raises(InteropError, match="no Redis answers at localhost:6379; start it, mend the address"):
        pretend_stack(pretend, tmp_path).start()


def test_one_state_directory_holds_one_stack_at_a_time(pretend: Path, tmp_path: Path, a_redis: str) -> None:
    with pretend_stack(pretend, tmp_path, redis_url=a_redis):
        with pytest.raises(InteropError, match="stack-running: another stack is up"):
            pretend_stack(pretend, tmp_path, redis_url=a_redis).start()

        assert (tmp_path / "stack.json").exists()


def test_a_stack_can_be_started_again(pretend: Path, tmp_path: Path) -> None:
    stack = pretend_stack(pretend, tmp_path)

    for _ in range(2):
        with stack:
            stack.wait_ready(10)

    assert stack.log("booking").read_text().count("coming up") == 2


def test_nothing_outlives_an_owner_that_was_killed(pretend: Path, tmp_path: Path) -> None:
    program = (
        "import sys, time\n"
        "from pathlib import Path\n"
        "from sandbox.stack import Stack, new_state_dir\n"
        "extra = {'PYTHONPATH': sys.argv[1]}\n"
        "state_dir = new_state_dir(Path(sys.argv[2]))\n"
        "stack = Stack(state_dir, package='pretend', services=['booking'], preferred_ports={}, extra_env=extra)\n"
        "stack.start()\n"
        "stack.wait_ready(10)\n"
        "print(stack.process('booking').pid, stack.redis.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    command = [sys.executable, "-c", program, str(pretend), str(tmp_path)]

    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        pids = [int(pid) for pid in owner.stdout.readline().split()]
        assert len(pids) == 2
        assert running_stack(tmp_path) is not None

        os.kill(owner.pid, signal.SIGKILL)

    wait_until_gone(*pids)
    assert running_stack(tmp_path) is None

    left = latest_state_dir(tmp_path)
    assert left is not None
    assert (left / "logs" / "booking-1.log").read_text().endswith("going in good order\n")


def test_a_stop_leaves_no_process_and_no_thread(pretend: Path, tmp_path: Path) -> None:
    before = len(psutil.Process().children(recursive=True)), psutil.Process().num_threads()

    with pretend_stack(pretend, tmp_path) as stack:
        stack.wait_ready(10)

    assert (len(psutil.Process().children(recursive=True)), psutil.Process().num_threads()) == before


def test_state_directories_sort_by_time_and_the_latest_is_known(tmp_path: Path) -> None:
    root = tmp_path / ".interop"
    assert latest_state_dir(root) is None

    first = new_state_dir(root)
    assert latest_state_dir(root) == first

    time.sleep(0.002)
    second = new_state_dir(root)
    assert latest_state_dir(root) == second

    assert sorted([second, first]) == [first, second]
    assert stat.S_IMODE(second.stat().st_mode) == 0o700
    assert {path.name for path in root.iterdir()} == {first.name, second.name, "latest"}


def test_the_wait_before_a_restart_grows_and_a_healthy_while_shortens_it() -> None:
    waits = [next_backoff(None, 0.1)]
    while len(waits) < 7:
        waits.append(next_backoff(waits[-1], 0.1))

    assert waits == [0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]
    assert next_backoff(5.0, 9.9) == 5.0
    assert next_backoff(5.0, 10.0) == 0.2


def test_a_preferred_port_is_taken_when_it_is_free_and_is_its_stack_s_while_a_service_is_down(
    pretend: Path, tmp_path: Path, a_redis: str
) -> None:
    preferred = {"booking": free_port()}

    with pretend_stack(pretend, tmp_path, redis_url=a_redis, preferred_ports=preferred) as stack:
        stack.wait_ready(10)
        assert stack.urls["booking"] == f"http://127.0.0.1:{preferred['booking']}"
        stack.process("booking").kill()

        with pretend_stack(pretend, tmp_path / "other", redis_url=a_redis, preferred_ports=preferred) as other:
            assert other.urls["booking"] != stack.urls["booking"]

    with pretend_stack(pretend, tmp_path, redis_url=a_redis, preferred_ports=preferred) as again:
        assert again.urls["booking"] == stack.urls["booking"]
