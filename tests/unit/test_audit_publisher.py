"""Nothing of the log is published that its witnesses have not cosigned; a log that they know otherwise ends audit."""

import json
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from shutil import copytree
from typing import Any, cast

import httpx
import pytest
from redis import Redis

from services.audit.ledger import Ledger
from services.audit.publisher import Publisher
from services.audit.settings import LOG_KEY_FILE
from services.audit.tlog.merkle import leaf_hash
from services.audit.witness.app import WitnessSettings, build
from services.audit.witnesses import Witness
from services.chassis.errors import InteropError
from tests.unit.ledgers import AuditEvent, arriving, notice, open_ledger, submission

pytestmark = pytest.mark.anyio

CLINIC, AUDITOR = "lawclinic.example/w1", "stateauditor.example/w2"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Streams:
    """As much of Redis as publishing needs: streams that audit has not read, and one that it writes."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, dict[str, Any]]] = []

    def xinfo_groups(self, _: str) -> list[Any]:
        return []

    def xadd(self, stream: str, fields: dict[str, bytes]) -> None:
        self.sent.append((stream, json.loads(fields["event"])))

    @property
    def sizes(self) -> list[int]:
        return [event["data"]["size"] for _, event in self.sent]


class Switch(httpx.AsyncBaseTransport):
    """The way to a witness, which can be cut."""

    def __init__(self, to: httpx.AsyncBaseTransport) -> None:
        self.to = to
        self.cut = False

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if self.cut:
            raise httpx.ConnectError("connection refused")
        return await self.to.handle_async_request(request)


class House:
    """A log, its two witnesses and its publisher; `begin` starts audit, with what its folder holds."""

    def __init__(self, folder: Path, running: AsyncExitStack) -> None:
        self.folder = folder
        self.redis = Streams()
        self.running = running
        self.switches: list[Switch] = []
        self.ledger: Ledger
        self.publisher: Publisher

    async def meet_witnesses(self, key: str) -> None:
        """Starts witnesses that have never signed anything and know the log's key."""
        self.switches = []
        for name in (CLINIC, AUDITOR):
            folder = self.folder / f"witness-{len(list(self.folder.iterdir()))}"
            api = build(WitnessSettings(state_dir=folder, witness_name=name, log_key=key))
            await self.running.enter_async_context(api.router.lifespan_context(api))
            self.switches.append(Switch(httpx.ASGITransport(api)))

    async def begin(self, quorum: int = 2) -> "House":
        self.ledger = open_ledger(self.folder / "audit")
        self.running.callback(self.ledger.close)
        if not self.switches:
            await self.meet_witnesses(self.ledger.log.signer.verifier.vkey)
        witnesses = [Witness(f"http://w{at}", transport=switch) for at, switch in enumerate(self.switches)]
        self.publisher = Publisher(self.ledger.log, cast(Redis, self.redis), witnesses, quorum)
        return self

    def log_events(self, *events: AuditEvent) -> None:
        self.ledger.keep(arriving(*events))

    def published(self) -> int:
        newest = self.ledger.log.published()
        return newest.size if newest else 0


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with AsyncExitStack() as running:
        yield await House(tmp_path, running).begin()


# Publishing


async def test_what_both_witnesses_have_cosigned_is_published(house: House) -> None:
    house.log_events(submission())

    await house.publisher.publish()

    policy, newest = house.publisher.policy(), house.ledger.log.published()
    assert policy is not None
    assert newest is not None
    assert policy.open(newest.note).size == newest.size == 2
    assert [key.name for key in policy.witnesses] == [CLINIC, AUDITOR]


async def test_an_empty_log_is_not_published(house: House) -> None:
    await house.publisher.publish()

    assert house.published() == 0


async def test_a_head_that_was_published_is_not_brought_to_the_witnesses_again(house: House) -> None:
    house.log_events(submission())
    await house.publisher.publish()
    for switch in house.switches:
        switch.cut = True

    await house.publisher.publish()

    assert house.publisher.told()["witnesses"] == {
        "http://w0": "cosigned 2 entries",
        "http://w1": "cosigned 2 entries",
    }


async def test_without_the_quorum_nothing_is_published_and_appends_go_on(house: House) -> None:
    house.log_events(submission())
    await house.publisher.publish()
    house.switches[1].cut = True

    house.log_events(notice())
    await house.publisher.publish()
    house.log_events(notice(number=2))

    assert (house.published(), house.ledger.log.size) == (2, 4)


async def test_what_waited_for_a_witness_is_published_when_it_is_back(house: House) -> None:
    house.log_events(submission())
    await house.publisher.publish()
    house.switches[1].cut = True
    house.log_events(notice())
    await house.publisher.publish()

    house.switches[1].cut = False
    await house.publisher.publish()

    assert house.published() == 3


async def test_where_one_of_two_is_enough_nothing_waits_for_the_other(tmp_path: Path) -> None:
    async with AsyncExitStack() as running:
        house = await House(tmp_path, running).begin(quorum=1)
        house.log_events(submission())
        await house.publisher.publish()
        house.switches[0].cut = True
        house.log_events(notice())
        await house.publisher.publish()

        assert house.published() == 3


async def test_a_witness_that_is_behind_is_caught_up(house: House) -> None:
    house.log_events(submission())
    await house.publisher.publish()
    house.ledger.close()
    await house.begin()
    house.log_events(*(notice(f"B-{number}") for number in range(300)))

    await house.publisher.publish()

    assert house.published() == 302


async def test_without_witnesses_nothing_is_published(house: House) -> None:
    alone = Publisher(house.ledger.log, cast(Redis, house.redis), [], 0)
    house.log_events(submission())

    await alone.publish()

    assert house.published() == 0


async def test_a_witness_that_comes_with_another_key_is_not_believed(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    house.log_events(submission())
    await house.publisher.publish()
    house.ledger.close()
    await house.meet_witnesses(house.ledger.log.signer.verifier.vkey)
    await house.begin()
    house.log_events(notice())

    with caplog.at_level(logging.WARNING):
        await house.publisher.publish()

    assert house.published() == 2
    assert "0 of the 2 witnesses needed have signed this checkpoint" in caplog.text


async def test_a_log_that_goes_on_is_opened_with_its_witnesses(house: House) -> None:
    house.log_events(submission())
    await house.publisher.publish()
    house.ledger.close()

    await house.begin()
    await house.publisher.check_with_witnesses()

    assert house.publisher.told()["witnesses"]["http://w0"] == "cosigned 2 entries"


async def test_a_new_log_does_not_wait_for_its_witnesses(house: House) -> None:
    for switch in house.switches:
        switch.cut = True

    await house.publisher.check_with_witnesses()

    assert house.publisher.told()["witnesses"]["http://w1"].startswith("not reached")


# A log that the witnesses know otherwise


async def at_the_start(publisher: Publisher) -> None:
    await publisher.check_with_witnesses()


async def while_it_runs(publisher: Publisher) -> None:
    await publisher.publish()


MOMENTS = pytest.mark.parametrize("ask", [at_the_start, while_it_runs])
Ask = Callable[[Publisher], Any]


@MOMENTS
@pytest.mark.parametrize("more", [0, 1, 300], ids=["of the same length", "with one entry more", "with many more"])
async def test_a_rewrite_of_history_by_the_operator_who_holds_the_key_is_caught_by_the_witnesses(
    house: House, ask: Ask, more: int
) -> None:
    house.log_events(submission(), notice())
    await house.publisher.publish()
    house.ledger.close()
    for file in (house.folder / "audit").iterdir():
        if file.name != LOG_KEY_FILE:
            file.unlink()

    await house.begin()
    house.log_events(submission(), notice("B-42"), *(notice(f"C-{number}") for number in range(more)))

    with pytest.raises(InteropError, match=r"log-forked: .*has seen other entries than the first 3 of this log"):
        await ask(house.publisher)
    assert house.published() == 0


@MOMENTS
async def test_a_log_that_was_restored_from_an_old_backup_is_caught_by_the_witnesses(house: House, ask: Ask) -> None:
    house.log_events(submission())
    house.ledger.close()
    copytree(house.folder / "audit", house.folder / "backup")
    await house.begin()
    house.log_events(notice())
    await house.publisher.publish()
    house.ledger.close()
    (house.folder / "audit").rename(house.folder / "lost")
    (house.folder / "backup").rename(house.folder / "audit")

    await house.begin()

    with pytest.raises(InteropError, match=r"log-rolled-back: .*has seen 3 entries, and the log has 2"):
        await ask(house.publisher)


async def test_an_entry_that_is_altered_under_a_running_audit_is_caught_when_the_log_grows(house: House) -> None:
    house.log_events(submission(), notice())
    await house.publisher.publish()
    forged = b'{"kind":"share","to":"nobody"}'
    house.ledger.log.database.run(
        "UPDATE log_entry SET body = ?, hash = ? WHERE number = 0", (forged, leaf_hash(forged))
    )
    house.log_events(notice(number=2))

    with pytest.raises(InteropError, match="log-forked"):
        await house.publisher.publish()


# Announcing


async def test_each_published_checkpoint_is_announced_once(house: House) -> None:
    for number in range(3):
        house.log_events(notice(number=number))
        await house.publisher.publish()
        await house.publisher.publish()

    assert house.redis.sizes == [1, 2, 3]
    assert {stream for stream, _ in house.redis.sent} == {"{0}:checkpoint.published.v1"}


async def test_killed_after_sending_an_announcement_is_sent_again_under_the_same_id(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.log_events(submission())
    with monkeypatch.context() as patch:
        patch.setattr(house.ledger.log, "move_cursor", lambda *_: 1 // 0)
        with pytest.raises(ZeroDivisionError):
            await house.publisher.publish()
    house.ledger.close()

    await house.begin()
    await house.publisher.publish()
    await house.publisher.publish()

    (_, first), (_, second) = house.redis.sent
    assert first == second


async def test_killed_between_publishing_and_announcing_no_announcement_is_left_out(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.log_events(submission())
    with monkeypatch.context() as patch:
        patch.setattr(house.redis, "xadd", lambda *_: 1 // 0)
        with pytest.raises(ZeroDivisionError):
            await house.publisher.publish()
    house.ledger.close()

    await house.begin()
    house.log_events(notice())
    await house.publisher.publish()

    assert house.redis.sizes == [2, 3]


async def test_an_announcement_says_what_was_published(house: House) -> None:
    house.log_events(submission())
    await house.publisher.publish()

    ((_, event),) = house.redis.sent
    newest = house.ledger.log.published()
    assert newest is not None
    assert event["data"]["origin"] == "sandbox.example/audit"
    assert event["data"]["covered"] == dict(newest.covered)
    assert event["data"]["disclosures"] == []
