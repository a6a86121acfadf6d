"""Log and streams compared: what was removed, added or changed on either side is named, and what was trimmed, told."""

import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from uuid import uuid4

import pytest
from redis import Redis

from services.audit.domain import Reconciliation
from services.audit.log import LOG_FILE, Append, Position, event_key
from services.audit.positions import GROUP, parse_id, settled
from services.audit.reconcile import Reconciler
from services.chassis.delivery import keys
from services.chassis.errors import InteropError
from tests.integration.audit_house import CHANGED, HERON, SUBMITTED, AuditHouse, changed, silent, submitted
from tests.unit.builders import BOOKED_AT
from tests.unit.ledgers import NOTICE

pytestmark = pytest.mark.parametrize("server_kind", ["embedded"], indirect=True, scope="session")


def behind_its_back(house: AuditHouse, statement: str) -> None:
    """Changes the log's database without audit."""
    with closing(sqlite3.connect(house.folder / LOG_FILE)) as database, database:
        assert database.execute(statement).rowcount >= 1


def numbers(result: Reconciliation) -> tuple[int, int, int, int, int]:
    return result.matched, result.on_marks, result.expunged, result.waiting, result.lag


# What fits


def test_a_log_that_holds_what_the_streams_carried_is_reconciled(house: AuditHouse) -> None:
    result = house.reconcile()

    assert result.reconciled
    assert (result.size, *numbers(result)) == (5, 5, 0, 0, 0, 0)


def test_an_empty_log_of_empty_streams_is_reconciled(redis: Redis, tmp_path: Path) -> None:
    house = AuditHouse(redis, tmp_path).start()

    result = house.reconcile()
    house.stop()

    assert result.reconciled
    assert result.size == result.lag == 0


def test_an_event_that_stands_twice_in_its_stream_counts_once(house: AuditHouse) -> None:
    house.put(submitted(), changed())
    house.take_in()

    result = house.reconcile()

    assert result.reconciled
    assert (result.size, result.matched, result.lag) == (5, 5, 0)


def test_what_cannot_be_read_as_an_event_is_passed_over(house: AuditHouse) -> None:
    entry_id = house.redis.xadd(keys.stream(SUBMITTED), {"event": b'{"specversion": "1.0"'})
    house.redis.xreadgroup(GROUP, "worker-1", {keys.stream(SUBMITTED): ">"})
    house.redis.xack(keys.stream(SUBMITTED), GROUP, entry_id)

    assert house.reconcile().reconciled


def test_an_event_that_is_published_while_audit_is_down_waits(house: AuditHouse) -> None:
    house.put(changed(number=2), silent("B-42"))

    result = house.reconcile()

    assert result.reconciled
    assert numbers(result) == (5, 0, 0, 1, 0)


def test_what_was_logged_and_is_not_acknowledged_yet_is_a_lag_and_nothing_wrong(house: AuditHouse) -> None:
    (entry_id,) = house.put(changed(number=2))
    house.keep(entry_id, changed(number=2))

    result = house.reconcile()

    assert result.reconciled
    assert numbers(result) == (5, 0, 0, 1, 1)


# What does not


def test_an_event_without_its_entry_is_missing(house: AuditHouse) -> None:
    behind_its_back(house, "DELETE FROM log_mark WHERE count = 1")

    result = house.reconcile()

    assert [(each.event_id, each.event_type, each.subject) for each in result.missing] == [
        (changed().id, CHANGED, HERON)
    ]


def test_an_entry_without_a_mark_is_named_by_its_place(house: AuditHouse) -> None:
    behind_its_back(house, "DELETE FROM log_mark WHERE first = (SELECT max(first) FROM log_mark)")

    assert [each.what for each in house.reconcile().extra] == ["no event made the entries 4 to 4 of the log"]


@pytest.mark.parametrize("statement", ["DELETE FROM log_entry WHERE number = 0", "UPDATE log_entry SET body = hash"])
def test_an_entry_that_was_removed_or_altered_makes_its_event_different(house: AuditHouse, statement: str) -> None:
    behind_its_back(house, statement)

    result = house.reconcile()

    assert not result.reconciled
    assert submitted().id in {each.event_id for each in result.different}


def test_an_event_that_is_removed_from_its_stream_leaves_an_entry_too_many(house: AuditHouse) -> None:
    (entry_id, _), *_ = house.redis.xrange(keys.stream(SUBMITTED))
    house.redis.xdel(keys.stream(SUBMITTED), entry_id)

    (extra,) = house.reconcile().extra

    assert extra.event_id == submitted().id
    assert extra.what == f"entry {entry_id.decode()} is gone from its stream, and was neither trimmed nor expunged"


@pytest.mark.parametrize("stream", [keys.stream(CHANGED), "{0}:never.was.v1"])
@pytest.mark.parametrize("ms", [1, 2**62])
def test_an_entry_that_no_event_ever_made_is_too_many(house: AuditHouse, stream: str, ms: int) -> None:
    key = event_key("heron-run-7", BOOKED_AT, str(uuid4()))
    house.ledger.log.append([Append(key, Position(stream, ms, 0), (b'{"kind":"share"}',))])

    assert len(house.reconcile().extra) == 1


def test_an_event_that_audit_has_refused_is_named(house: AuditHouse) -> None:
    another_story = changed().model_copy(update={"data": submitted().data})
    house.put(another_story)
    house.take_in()

    result = house.reconcile()

    assert [each.event_id for each in result.different] == [changed().id]
    assert (result.matched, result.lag) == (5, 0)


def test_of_two_stories_under_one_id_the_one_that_was_not_logged_is_different(house: AuditHouse) -> None:
    first, second = changed(number=2), changed(number=2)
    second = second.model_copy(update={"data": second.data.model_copy(update={"disclosures": NOTICE * 2})})
    house.put(first, second)
    house.take_in()

    result = house.reconcile()

    assert [each.event_id for each in result.different] == [first.id]
    assert (result.matched, result.lag) == (6, 0)


def test_an_event_that_was_changed_in_its_stream_is_different(house: AuditHouse) -> None:
    stream = keys.stream(SUBMITTED)
    entries = house.redis.xrange(stream)
    house.redis.delete(stream)
    for entry_id, fields in entries:
        house.redis.xadd(stream, {"event": fields[b"event"].replace(b"FBI", b"DHS")}, id=entry_id)
    house.group(SUBMITTED, GROUP)
    house.redis.xgroup_setid(stream, GROUP, entries[-1][0])

    result = house.reconcile()

    assert {each.event_id for each in result.different} == {submitted().id, submitted("B-42").id}


# What was trimmed


def trim(house: AuditHouse, event_type: str) -> None:
    """Removes what audit has acknowledged."""
    ms, seq = settled(house.redis, [event_type])[keys.stream(event_type)]
    house.redis.xtrim(keys.stream(event_type), minid=f"{ms}-{seq + 1}", approximate=False)


def test_what_was_trimmed_and_is_covered_by_a_published_checkpoint_rests_on_marks(house: AuditHouse) -> None:
    house.publish()
    trim(house, SUBMITTED)

    result = house.reconcile()

    assert result.reconciled
    assert numbers(result) == (1, 4, 0, 0, 0)


def test_what_was_trimmed_before_anything_covers_it_is_named(house: AuditHouse) -> None:
    trim(house, SUBMITTED)

    assert {each.event_id for each in house.reconcile().extra} == {submitted().id, submitted("B-42").id}


def test_what_was_trimmed_beyond_the_published_checkpoint_is_named(house: AuditHouse) -> None:
    house.publish()
    house.put(submitted("B-43"))
    house.take_in()
    trim(house, SUBMITTED)

    result = house.reconcile()

    assert result.on_marks == 4
    assert {each.event_id for each in result.extra} == {submitted("B-43").id}


def test_what_is_trimmed_while_the_streams_are_compared_is_nothing_wrong(
    house: AuditHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.publish()
    events = Reconciler._events

    def trimmed_meanwhile(self: Reconciler, stream: str, after: tuple[int, int]) -> object:
        trim(house, SUBMITTED)
        return events(self, stream, after)

    monkeypatch.setattr(Reconciler, "_events", trimmed_meanwhile)

    assert house.reconcile().reconciled


def test_what_is_logged_while_the_log_is_compared_is_nothing_wrong(
    house: AuditHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    covered = Reconciler._covered

    def more_comes(self: Reconciler) -> object:
        house.put(submitted("B-43"))
        house.take_in()
        return covered(self)

    monkeypatch.setattr(Reconciler, "_covered", more_comes)
    result = house.reconcile()

    assert result.reconciled
    assert (result.size, result.matched, result.lag) == (5, 5, 0)


def test_who_is_expunged_while_the_log_is_compared_is_counted_once(
    house: AuditHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    covered = Reconciler._covered

    def expunged_meanwhile(self: Reconciler) -> object:
        house.expunger().expunge(HERON)
        return covered(self)

    monkeypatch.setattr(Reconciler, "_covered", expunged_meanwhile)
    result = house.reconcile()

    assert result.reconciled
    assert (result.size, result.lag) == (5, 0)


# Onward


@pytest.mark.parametrize("seed", [7, 41])
def test_going_onward_finds_what_comparing_everything_finds(house: AuditHouse, seed: int) -> None:
    dice = random.Random(seed)
    with house.reader() as reader:
        onward = Reconciler(house.redis, reader)
        for step in range(25):
            something_happens(house, onward, dice, step)
            assert onward.onward() == Reconciler(house.redis, reader).whole(), f"after step {step}"


def something_happens(house: AuditHouse, onward: Reconciler, dice: random.Random, step: int) -> None:
    """Events come, come again, are covered, are trimmed (also what is not covered yet), or a person is expunged."""
    kind = dice.choice(["new", "new", "again", "publish", "trim", "expunge"])
    if kind == "new":
        house.put(submitted(f"C-{step}"), changed(number=10 + step), silent(f"C-{step}"))
    elif kind == "again":
        house.put(submitted())
    elif kind == "publish":
        house.publish()
    elif kind == "trim":
        entries = house.redis.xrange(keys.stream(SUBMITTED))
        if entries:
            house.redis.xtrim(keys.stream(SUBMITTED), minid=dice.choice(entries)[0], approximate=False)
    else:
        # Whose events were trimmed, or who was expunged before, may be unknown.
        with suppress(InteropError):
            house.expunger().expunge(dice.choice([HERON, f"ZZ0010000/C-{step - 3}"]))
        onward.restart()
    house.take_in()


def test_going_onward_notices_what_was_removed_from_the_log_since(house: AuditHouse) -> None:
    with house.reader() as reader:
        reconciler = Reconciler(house.redis, reader)
        before = reconciler.onward()
        house.put(changed(number=2))
        house.take_in()
        behind_its_back(house, "DELETE FROM log_mark WHERE first = 5")
        after = reconciler.onward()

    assert before.reconciled
    assert [each.event_id for each in after.missing] == [changed(number=2).id]


def test_going_onward_looks_at_no_event_twice(house: AuditHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    with house.reader() as reader:
        reconciler = Reconciler(house.redis, reader)
        reconciler.onward()
        house.put(changed(number=2))
        house.take_in()
        seen: list[tuple[int, int]] = []
        events = reconciler._events

        def noticed(stream: str, after: tuple[int, int]) -> Iterator[object]:
            for entry_id, event in events(stream, after):
                seen.append(entry_id)
                yield entry_id, event

        monkeypatch.setattr(reconciler, "_events", noticed)
        assert reconciler.onward().reconciled

    ((last, _),) = house.redis.xrevrange(keys.stream(CHANGED), count=1)
    assert seen == [parse_id(last)]
