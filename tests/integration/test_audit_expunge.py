"""A person is expunged: nobody can open their records again, the log still verifies, and no crash does half of it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from services.audit.expunge import Expunger
from services.audit.positions import GROUP
from services.audit.report.events import READ
from services.audit.report.projection import REPORT_FILE, Projection
from services.audit.tlog.policy import Policy
from services.audit.tlog.verify import verify_log
from services.audit.vault import VAULT_FILE
from services.chassis.delivery import keys
from services.chassis.envelope import Consumed, Event
from services.chassis.errors import InfrastructureError, InteropError
from tests.contract.story import written
from tests.integration.audit_house import CHANGED, HERON, SUBMITTED, TEAL, AuditHouse, changed, silent, submitted
from tests.unit.ledgers import arriving, files_of, lies_in, logged, public_files

pytestmark = pytest.mark.parametrize("server_kind", ["embedded"], indirect=True, scope="session")


def kinds(house: AuditHouse) -> list[str]:
    return [json.loads(entry)["kind"] for entry in logged(house.ledger)]


def key_of(house: AuditHouse, subject: str) -> bytes:
    secret = house.ledger.vault.secret(subject)
    assert secret is not None
    return secret.key


# What is left


def test_the_key_of_an_expunged_person_was_in_the_vaults_files_and_is_in_none_afterwards(house: AuditHouse) -> None:
    key = key_of(house, HERON)
    there_before = lies_in(key, files_of(house.folder, VAULT_FILE))

    house.expunger().expunge(HERON)

    assert there_before
    assert not lies_in(key, files_of(house.folder, VAULT_FILE))


def test_no_file_of_audit_and_no_stream_names_an_expunged_person(house: AuditHouse) -> None:
    house.expunger().expunge(HERON)

    files = [path.read_bytes() for path in house.folder.iterdir()]
    entries = [str(house.redis.xrange(keys.stream(event_type))).encode() for event_type in (SUBMITTED, CHANGED)]
    assert not lies_in(HERON.encode(), [*files, *entries])


def test_nothing_about_an_expunged_person_can_be_opened(house: AuditHouse) -> None:
    house.expunger().expunge(HERON)

    assert (house.ledger.disclosures(HERON), house.ledger.vault.traces(HERON)) == ([], [])


def test_the_log_holds_every_entry_still_and_says_that_an_expunction_happened(house: AuditHouse) -> None:
    before = logged(house.ledger)

    done = house.expunger().expunge(HERON)

    after = logged(house.ledger)
    assert after[:-1] == before
    assert json.loads(after[done.index])["kind"] == "expunged"
    assert json.loads(after[done.index]).keys() == {"v", "kind", "month"}


def test_the_log_still_verifies(house: AuditHouse) -> None:
    house.expunger().expunge(HERON)

    files = public_files(house.ledger)
    assert verify_log(files.get, Policy(house.ledger.log.signer.verifier)).checkpoint.size == 6


def test_reconciling_counts_the_entries_of_an_expunged_person_and_the_one_that_says_so(house: AuditHouse) -> None:
    house.expunger().expunge(HERON)

    result = house.reconcile()

    assert result.reconciled
    assert (result.size, result.matched, result.expunged, result.lag) == (6, 2, 4, 0)


def test_what_was_done_is_told_in_numbers(house: AuditHouse) -> None:
    done = house.expunger(lambda *_: 7).expunge(HERON)

    assert (done.disclosures, done.removed, done.owed, done.counted) == (3, 3, (), 7)
    assert done.cases == (("heron-run-7", submitted().tcn),)


def test_the_records_of_others_are_untouched(house: AuditHouse) -> None:
    before = house.ledger.disclosures(TEAL)

    house.expunger().expunge(HERON)

    assert house.ledger.disclosures(TEAL) == before
    assert house.redis.xlen(keys.stream(SUBMITTED)) == 1


def test_an_event_that_stands_twice_in_its_stream_leaves_both_places(house: AuditHouse) -> None:
    house.put(submitted())
    house.take_in()

    done = house.expunger().expunge(HERON)

    assert done.removed == 4
    assert house.entries_of_events() == 1


def test_expunging_twice_is_a_sentence(house: AuditHouse) -> None:
    house.expunger().expunge(HERON)

    with pytest.raises(InteropError, match=f"nothing is known about '{HERON}'") as caught:
        house.expunger().expunge(HERON)

    assert (caught.value.code, caught.value.status) == ("unknown-subject", 404)


def test_the_rows_of_the_transparency_report_still_count(redis: Redis, house: AuditHouse, tmp_path: Path) -> None:
    projection = Projection(tmp_path / REPORT_FILE)
    events = [event for event in written().values() if event["type"] in READ]
    for event in events:
        read: Any = TypeAdapter(Event[READ[event["type"]]]).validate_python(event)
        projection.keep([read])
        house.ledger.keep(arriving(TypeAdapter(Event[Consumed]).validate_python(event)))
    before = sum(row.count for row in projection.snapshot().shared)
    (case,) = {event["subject"] for event in events if "tcn" in event}

    done = house.expunger(projection.forget).expunge(case)

    after = sum(row.count for row in projection.snapshot().shared)
    projection.close()
    assert before == after > 0
    assert done.counted > 0


# What comes later


def test_an_event_of_an_expunged_person_that_comes_again_is_not_logged_again(house: AuditHouse) -> None:
    house.expunger().expunge(HERON)
    size = house.ledger.log.size

    house.put(submitted(), changed())
    house.take_in()

    assert house.ledger.log.size == size
    assert house.ledger.vault.secret(HERON) is None
    assert house.reconcile().reconciled


def test_an_event_of_an_expunged_person_that_comes_again_leaves_its_stream_again(house: AuditHouse) -> None:
    house.expunger().expunge(HERON)
    house.put(submitted())
    house.take_in()

    assert house.expunger().sweep() == 1
    assert house.entries_of_events() == 1


def test_what_is_told_about_a_person_after_their_expunction_is_logged_under_a_new_key(house: AuditHouse) -> None:
    before = key_of(house, HERON)
    house.expunger().expunge(HERON)

    house.put(changed(number=2))
    house.take_in()

    assert len(house.ledger.disclosures(HERON)) == 1
    assert key_of(house, HERON) != before
    assert house.reconcile().reconciled


# Entries that are owed to somebody


@pytest.fixture
def slow_reader(house: AuditHouse) -> Callable[[], None]:
    """The agency's booking service has read two entries, and not acknowledged them; what is returned does that."""
    house.group(CHANGED, "booking")
    ((_, entries),) = house.redis.xreadgroup("booking", "worker-1", {keys.stream(CHANGED): ">"})
    return lambda: house.redis.xack(keys.stream(CHANGED), "booking", *(entry_id for entry_id, _ in entries))


def test_an_entry_that_a_group_still_owes_stays_and_is_named(house: AuditHouse, slow_reader: object) -> None:
    (owed, _), *_ = house.redis.xrange(keys.stream(CHANGED))

    done = house.expunger().expunge(HERON)

    assert set(done.owed) >= {f"{keys.stream(CHANGED)} {owed.decode()}"}
    assert house.redis.xrange(keys.stream(CHANGED), owed, owed) != []
    assert house.reconcile().reconciled


def test_an_entry_that_a_group_has_not_read_yet_stays(house: AuditHouse) -> None:
    house.group(SUBMITTED, "biometric_match")

    done = house.expunger().expunge(HERON)

    assert len(done.owed) == 1
    assert done.removed == 2


def test_entries_that_were_owed_leave_their_stream_when_they_were_read(
    house: AuditHouse, slow_reader: Callable[[], None]
) -> None:
    house.expunger().expunge(HERON)
    too_early = house.expunger().sweep()

    slow_reader()

    assert (too_early, house.expunger().sweep()) == (0, 2)
    assert (house.entries_of_events(), house.ledger.vault.owed()) == (1, set())


def test_an_owed_entry_that_audit_itself_reads_again_makes_nobody_known_again(house: AuditHouse, redis: Redis) -> None:
    house.group(CHANGED, "booking")
    (entry_id, _), *_ = redis.xrange(keys.stream(CHANGED))
    house.expunger().expunge(HERON)

    house.keep(entry_id.decode(), changed())
    house.keep(redis.xrevrange(keys.stream(CHANGED), count=1)[0][0].decode(), silent())

    assert house.ledger.vault.secret(HERON) is None


# Killed


class KilledError(Exception):
    """The process ends here."""


def killed_after(step: Callable[..., object]) -> Callable[..., object]:
    def killed(*values: object, **named: object) -> object:
        step(*values, **named)
        raise KilledError

    return killed


STEPS = ("vault.begin_expunging", "log.mark_expunged", "redis.xdel", "forget", "vault.forget", "vault.scrub")


@pytest.mark.parametrize("step", STEPS)
def test_an_expunction_that_is_killed_at_any_step_is_ended_at_the_next_start_and_done_once(
    house: AuditHouse, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = key_of(house, HERON)
    with monkeypatch.context() as patch:
        break_off(house.expunger(), step, patch)
    house.stop()

    house.start()
    house.expunger().finish()

    assert kinds(house).count("expunged") == 1
    assert not lies_in(key, files_of(house.folder, VAULT_FILE))
    assert house.ledger.disclosures(HERON) == []
    assert house.entries_of_events() == 1
    assert house.reconcile().reconciled


def break_off(expunger: Expunger, step: str, patch: pytest.MonkeyPatch) -> None:
    owner, _, name = step.rpartition(".")
    thing: Any = {"": expunger, "vault": expunger.ledger.vault, "log": expunger.ledger.log, "redis": expunger.redis}
    patch.setattr(thing[owner], name, killed_after(getattr(thing[owner], name)))
    with pytest.raises(KilledError):
        expunger.expunge(HERON)


def test_killed_before_the_journal_is_cleared_the_key_goes_at_the_next_start(
    house: AuditHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = key_of(house, HERON)
    with monkeypatch.context() as patch:
        patch.setattr(house.ledger.vault, "scrub", lambda _: 1 // 0)
        with pytest.raises(ZeroDivisionError):
            house.expunger().expunge(HERON)
    house.stop()

    house.start()
    house.expunger().finish()

    assert not lies_in(key, files_of(house.folder, VAULT_FILE))


def test_a_disclosure_that_was_sealed_and_not_logged_gets_its_entry_before_its_key_goes(
    house: AuditHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    (entry_id,) = house.put(submitted(ori="ZZ0020000"))
    with monkeypatch.context() as patch:
        patch.setattr(house.ledger.log, "append", lambda _: 1 // 0)
        with pytest.raises(ZeroDivisionError):
            house.keep(entry_id, submitted(ori="ZZ0020000"))

    house.expunger().expunge("ZZ0020000/B-41")
    house.take_in()

    assert house.reconcile().reconciled
    assert kinds(house) == ["share"] * 7 + ["expunged"]


def test_what_was_logged_after_an_outage_broke_an_expunction_off_is_expunged_with_the_rest(
    house: AuditHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise RedisConnectionError("connection refused")

    with monkeypatch.context() as patch:
        patch.setattr(house.redis, "xinfo_groups", away)
        with pytest.raises(InfrastructureError, match="Redis does not answer"):
            house.expunger().expunge(HERON)
    house.put(changed(number=2))
    house.take_in()

    done = house.expunger().expunge(HERON)

    assert done.disclosures == 4
    assert house.reconcile().reconciled


def test_two_who_expunge_the_same_person_at_once_do_it_once(house: AuditHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    secret, asked = house.ledger.vault.secret, []

    def somebody_else_is_first(subject: str) -> object:
        if not asked:
            asked.append(house.ledger.writing.locked())
        return secret(subject)

    monkeypatch.setattr(house.ledger.vault, "secret", somebody_else_is_first)
    house.expunger().expunge(HERON)

    assert asked == [True], "who is first is found out while nobody else can be"


def test_a_group_that_owes_nothing_is_no_reason_to_keep_an_entry(house: AuditHouse) -> None:
    assert house.expunger().expunge(HERON).owed == ()
    assert house.redis.xpending(keys.stream(SUBMITTED), GROUP)["pending"] == 0
