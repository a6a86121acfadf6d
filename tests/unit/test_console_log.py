"""The log's page: which files it passes on, the drill on a copy, growth, and the words of an attack."""

import asyncio
from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import pytest

from console.house import House
from console.log.attacks import CHANGED, KEPT, NOTICED_BY, READER, SIGNATURE, row_of
from console.log.drilling import MOST_ENTRIES, drilled
from console.log.drills import Drills
from console.log.growth import points_of, runs_of, thinned
from console.log.passing import NOTE_LIMIT, limit_of, passed
from console.settings import ConsoleSettings
from services.audit.tlog.drill import Attack
from services.chassis.errors import InteropError
from tests.unit.tlogs import POLICY, checkpoint, code, files, shares


def fetched(path: str, answer: httpx.Response) -> httpx.Response:
    """What the page passes on of what audit answers."""

    async def work() -> httpx.Response:
        house = House(ConsoleSettings(), httpx.MockTransport(lambda _: answer))
        try:
            return await passed(house, path)
        finally:
            await house.close()

    return asyncio.run(work())


@pytest.mark.parametrize(
    ("path", "limit"),
    [
        ("checkpoint", NOTE_LIMIT),
        ("tile/0/000", 8_192),
        ("tile/1/x001/234.p/7", 224),
        ("tile/entries/000.p/2", 2 * 65_537),
    ],
)
def test_files_of_the_log_have_a_largest_size(path: str, limit: int) -> None:
    assert limit_of(path) == limit


@pytest.mark.parametrize("path", ["disclosures", "tile/0/../../disclosures", "tile/0/1", "tile/64/000", "readyz", ""])
def test_nothing_but_files_of_the_log_is_passed_on(path: str) -> None:
    with pytest.raises(InteropError) as caught:
        fetched(path, httpx.Response(200, content=b"a secret"))
    assert (code(caught), caught.value.status) == ("no-such-tile", 404)


def test_a_file_is_passed_on_byte_by_byte_with_how_long_it_may_be_kept() -> None:
    headers = {"Content-Type": "application/octet-stream", "Cache-Control": "public, immutable", "Set-Cookie": "a=b"}
    answer = fetched("tile/0/000.p/1", httpx.Response(200, content=bytes(range(32)), headers=headers))
    assert answer.content == bytes(range(32))
    assert answer.headers["cache-control"] == "public, immutable"
    assert "set-cookie" not in answer.headers


def test_a_file_that_is_longer_than_it_can_be_is_refused() -> None:
    with pytest.raises(InteropError) as caught:
        fetched("tile/0/000.p/1", httpx.Response(200, content=bytes(33)))
    assert code(caught) == "file-too-large"


def test_what_audit_refuses_is_told_in_its_own_words() -> None:
    error = {"error": {"code": "not-published", "message": "no checkpoint was published yet"}}
    with pytest.raises(InteropError) as caught:
        fetched("checkpoint", httpx.Response(404, json=error))
    assert (code(caught), caught.value.sentence) == ("not-published", "no checkpoint was published yet")


def a_drill(size: int, older: int, flips: int = 30) -> tuple[dict[str, Any], set[str]]:
    """A drill on a log of some size, by somebody who has kept an older checkpoint; and the steps that were told."""
    entries = shares(size)
    served = files(entries) | {"policy": POLICY.text.encode()}
    steps: set[str] = set()
    kept = checkpoint(entries[:older]) if older else b""
    return drilled(served.__getitem__, kept, flips, 0, lambda step, *_: steps.add(step)), steps


def test_every_attack_on_a_served_copy_is_noticed_and_put_into_words() -> None:
    result, steps = a_drill(size=600, older=300)
    attacks = {row["attack"]: row for row in result["attacks"]}
    assert result["size"] == 600
    assert steps == {"copying the log", "attacking the copy"}
    assert all(row["tries"] == row["noticed"] > 0 and row["changed"] and row["by"] for row in attacks.values())
    assert set(attacks) == set(CHANGED)
    assert attacks["an older state brought back"]["by"] == [KEPT]
    assert attacks["one bit of an entry flipped"]["by"] == [READER]


def test_who_has_kept_no_older_checkpoint_is_not_shown_what_only_they_could_notice() -> None:
    result, _ = a_drill(size=300, older=0)
    assert "an older state brought back" not in {row["attack"] for row in result["attacks"]}


def test_a_log_that_is_too_large_for_the_page_is_refused_with_the_command_to_run() -> None:
    note = checkpoint(shares(3)).replace(b"\n3\n", b"\n%d\n" % (MOST_ENTRIES + 1))
    served = {"policy": POLICY.text.encode(), "checkpoint": note}
    with pytest.raises(InteropError, match="interop audit drill") as caught:
        drilled(served.__getitem__, b"", 30, 0, lambda *_: None)
    assert code(caught) == "log-too-large"


def test_a_drill_on_a_log_that_does_not_answer_says_so(tmp_path: Path) -> None:
    async def work() -> dict[str, Any]:
        drills = Drills("http://127.0.0.1:9")
        drills.start("", 30, 0)
        with pytest.raises(InteropError) as caught:
            drills.start("", 30, 0)
        assert code(caught) == "drill-running"
        while drills.told()["status"] == "running":
            await asyncio.sleep(0.05)
        return drills.told()

    told = asyncio.run(work())
    assert (told["status"], told["error"]["code"]) == ("failed", "no-answer")


def test_after_a_drill_that_is_cancelled_another_can_be_started() -> None:
    async def work() -> list[str]:
        drills = Drills("http://127.0.0.1:9")
        drills.start("", 30, 0)
        cancelled = await drills.cancel()
        again = drills.start("", 30, 0)
        await drills.close()
        return [cancelled["status"], again["status"]]

    assert asyncio.run(work()) == ["cancelled", "running"]


def test_an_attack_is_told_with_who_notices_it() -> None:
    row = row_of(Attack("one bit of the checkpoint flipped", 7, 7, Counter({"bad-signature": 5, "no-quorum": 2})))
    assert row.codes == {"bad-signature": 5, "no-quorum": 2}
    assert row.by == [SIGNATURE, NOTICED_BY["no-quorum"]]


def test_growth_is_drawn_from_the_oldest_checkpoint_to_the_newest() -> None:
    events = [{"time": f"2026-01-01T00:00:{at:02}Z", "data": {"size": at * 10}} for at in (9, 5, 1)]
    assert [point["size"] for point in points_of(events)] == [10, 50, 90]


def test_many_checkpoints_are_thinned_and_keep_their_ends() -> None:
    points = [{"size": size} for size in range(1_001)]
    some = [point["size"] for point in thinned(points, most=5)]
    assert some == [0, 250, 500, 750, 1_000]


def test_each_run_can_be_chosen_once() -> None:
    assert runs_of([{"runid": "live"}, {"runid": "boston"}, {"runid": "live"}]) == ["live", "boston"]
