"""What `contracts/README.md` shows a team that brings its own service works as it says."""

import re
from collections.abc import Iterator

import pytest
from redis import Redis

from sandbox.contracts import CONTRACTS
from tests.contract.test_asyncapi_document import INSTALL

README = (CONTRACTS / "README.md").read_text(encoding="utf-8")
READ, CASE, OUT = "{0}:fingerprints.submitted.v1", "{0}:yours:case:1", "{0}:identification.returned.v1"
GROUP = "biometric_match"


@pytest.fixture
def client(redis_url: str) -> Iterator[Redis]:
    with Redis.from_url(redis_url, decode_responses=True) as connected:
        yield connected


@pytest.fixture
def entry(client: Redis) -> str:
    """An entry that this worker has read and not yet acknowledged."""
    client.xgroup_create(READ, GROUP, id="0", mkstream=True)
    added = str(client.xadd(READ, {"event": "{}"}))
    client.xreadgroup(GROUP, "me", {READ: ">"})
    return added


def commit(client: Redis, entry: str, version: str = "0") -> object:
    (script,) = re.findall(r"```lua\n(.*?)```", README, re.DOTALL)
    return client.eval(script, 3, READ, CASE, OUT, GROUP, entry, version, "case", "event")


def test_the_commit_does_everything_once(client: Redis, entry: str) -> None:
    assert commit(client, entry) == "done"
    assert commit(client, entry, version="1") == "done by another"

    assert client.xpending(READ, GROUP)["pending"] == 0
    assert client.hgetall(CASE) == {"version": "1", "case": "case"}
    assert [fields for _, fields in client.xrange(OUT)] == [{"event": "event"}]


def test_the_commit_does_nothing_when_the_case_has_changed(client: Redis, entry: str) -> None:
    client.hset(CASE, mapping={"version": "7", "case": "of another worker"})

    assert commit(client, entry) == "changed"

    assert client.xpending(READ, GROUP)["pending"] == 1
    assert client.hget(CASE, "case") == "of another worker"
    assert client.exists(OUT) == 0


def test_the_parser_is_installed_by_the_command_that_is_shown() -> None:
    assert INSTALL in README
