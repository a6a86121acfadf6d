"""What anybody can read of the log names nobody and links nothing; whoever has a record's key can check that record."""

import json
import sqlite3
from base64 import b64encode
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict
from hashlib import blake2b, md5, sha1, sha256, sha512
from pathlib import Path
from typing import Any

import pytest

from services.audit.disclosure import check, told
from services.audit.domain import Row, entry_of, rows_of
from services.audit.ledger import Ledger
from services.audit.log import Position
from services.audit.tlog.policy import Policy
from services.audit.vault import VAULT_FILE, Vault, commitment
from services.chassis.errors import InfrastructureError, InteropError
from tests.unit.builders import HERON_41
from tests.unit.ledgers import (
    arriving,
    files_of,
    head_of,
    lies_in,
    logged,
    notice,
    open_ledger,
    public_files,
    submission,
)

EVENTS = (submission(), notice(), notice(number=2), submission("B-42"))


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    """A ledger that the tests only read."""
    ledger = open_ledger(tmp_path_factory.mktemp("open"))
    ledger.keep(arriving(*EVENTS))
    yield ledger
    ledger.close()


@pytest.fixture
def disclosure(ledger: Ledger) -> dict[str, Any]:
    """What Heron-41 gets of the notice about them."""
    (found,) = [each for each in ledger.disclosures(HERON_41.subject) if each.row.event_id == notice().id]
    return told(ledger, found, head_of(ledger))


def verify(ledger: Ledger, disclosure: dict[str, Any]) -> None:
    check(disclosure, disclosure["proof"].encode(), Policy(ledger.log.signer.verifier))


# What the public sees

IDENTIFYING = {
    "the reference": HERON_41.subject,
    "the number at the agency": "B-41",
    "the transaction": HERON_41.tcn,
    "the first event": submission().id,
    "the second event": notice().id,
    "the label": "Heron-41",
    "the run": HERON_41.runid,
}


def forms_of(text: str) -> list[bytes]:
    """A value as it might be hidden: as it is, as bytes, hashed with everything that is usual, in hex or base64."""
    plain = [text.encode(), text.lower().encode(), text.replace("-", "").encode()]
    digests = [make(each).digest() for each in plain for make in (sha256, sha1, sha512, md5, blake2b)]
    digests += [blake2b(each, digest_size=size).digest() for each in plain for size in (16, 32)]
    raw = [*plain, *digests]
    return [form for each in raw for form in (each, each.hex().encode(), b64encode(each).rstrip(b"="))]


@pytest.mark.parametrize("name", IDENTIFYING)
def test_no_file_of_the_log_holds_what_names_a_person_plain_or_hashed(ledger: Ledger, name: str) -> None:
    files = public_files(ledger)

    assert [form for form in forms_of(IDENTIFYING[name]) if lies_in(form, files.values())] == []


def test_an_open_entry_shows_the_parties_the_categories_the_month_the_type_and_a_commitment(ledger: Ledger) -> None:
    entry = json.loads(logged(ledger)[0])

    assert len(bytes.fromhex(entry.pop("commit"))) == 32
    assert entry == {
        "v": 1,
        "kind": "share",
        "from": "LEA",
        "to": "SIB",
        "what": ["biometric", "charge"],
        "month": "2010-02",
        "type": "Consumed.v1",
    }


def test_an_official_entry_shows_a_quarter_and_a_commitment_only(tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path, "official")
    ledger.keep(arriving(submission()))
    entry = json.loads(logged(ledger)[0])
    ledger.close()

    assert len(bytes.fromhex(entry.pop("commit"))) == 32
    assert entry == {"v": 1, "kind": "share", "quarter": "2010-Q1"}


def test_no_commitment_comes_twice_so_that_the_entries_of_one_person_cannot_be_linked(ledger: Ledger) -> None:
    commitments = [json.loads(entry)["commit"] for entry in logged(ledger)]

    assert len(set(commitments)) == len(commitments) == 6


def test_each_disclosure_is_opened_by_a_key_of_its_own(ledger: Ledger) -> None:
    opening = [each.opening_key for each in ledger.disclosures(HERON_41.subject)]

    assert len(set(opening)) == len(opening) == 4


def test_the_key_of_one_disclosure_opens_no_other(ledger: Ledger) -> None:
    one, other, *_ = ledger.disclosures(HERON_41.subject)

    assert commitment(one.opening_key, other.row.record).hex() not in {
        json.loads(each)["commit"] for each in logged(ledger)
    }


def test_two_ledgers_commit_to_the_same_disclosure_differently(ledger: Ledger, tmp_path: Path) -> None:
    other = open_ledger(tmp_path)
    other.keep(arriving(*EVENTS))
    theirs = set(logged(other))
    other.close()

    assert theirs.isdisjoint(logged(ledger))


# What the subject can check


def test_a_record_that_is_opened_with_its_key_is_the_one_that_was_logged(
    ledger: Ledger, disclosure: dict[str, Any]
) -> None:
    verify(ledger, json.loads(json.dumps(disclosure)))


CHANGES = {
    "recipient": "DHS",
    "basis": "a court order",
    "time": "2010-02-10T15:00:01+00:00",
    "subject": "ZZ0010000/B-42",
}


@pytest.mark.parametrize("field", CHANGES)
def test_a_record_that_was_changed_is_refused(ledger: Ledger, disclosure: dict[str, Any], field: str) -> None:
    disclosure["record"][field] = CHANGES[field]

    with pytest.raises(InteropError, match="record-altered"):
        verify(ledger, disclosure)


def test_a_record_with_the_key_of_another_is_refused(ledger: Ledger, disclosure: dict[str, Any]) -> None:
    other = ledger.disclosures(HERON_41.subject)[0]

    with pytest.raises(InteropError, match="record-altered"):
        verify(ledger, {**disclosure, "opening_key": other.opening_key.hex()})


def test_an_entry_that_was_made_for_the_record_and_never_logged_is_refused(
    ledger: Ledger, disclosure: dict[str, Any]
) -> None:
    forged = Row(**{**disclosure["record"], "recipient": "DHS"})
    entry = entry_of(forged, commitment(bytes.fromhex(disclosure["opening_key"]), forged.record), "open")

    with pytest.raises(InteropError, match="not-included"):
        verify(ledger, {**disclosure, "record": asdict(forged), "entry": entry.decode()})


def test_an_entry_that_shows_something_else_than_its_record_is_refused(
    ledger: Ledger, disclosure: dict[str, Any]
) -> None:
    entry = {**json.loads(disclosure["entry"]), "to": "DHS"}

    with pytest.raises(InteropError, match="record-altered"):
        verify(ledger, {**disclosure, "entry": json.dumps(entry)})


def test_the_proof_of_another_entry_is_refused(ledger: Ledger, disclosure: dict[str, Any]) -> None:
    with pytest.raises(InteropError, match="not-included"):
        verify(ledger, {**disclosure, "proof": ledger.prove(0, head_of(ledger)).text})


@pytest.mark.parametrize(
    "broken",
    [{"record": None}, {"entry": "not JSON"}, {"entry": "[]"}, {"opening_key": "xyz"}, {"opening_key": None}],
    ids=str,
)
def test_what_is_no_disclosure_is_refused_in_one_sentence(
    ledger: Ledger, disclosure: dict[str, Any], broken: dict[str, Any]
) -> None:
    with pytest.raises(InteropError) as caught:
        verify(ledger, {**disclosure, **broken})

    assert caught.value.code in {"bad-disclosure", "record-altered"}


# What lies in the vault


def test_the_vault_holds_no_record_in_the_clear(ledger: Ledger) -> None:
    folder = ledger.vault.database.path.parent

    assert not lies_in(b"8 CFR 287.7", files_of(folder, VAULT_FILE))


def test_a_sealed_record_that_was_altered_is_not_opened(tmp_path: Path) -> None:
    ledger = open_ledger(tmp_path)
    ledger.keep(arriving(notice()))
    with closing(sqlite3.connect(tmp_path / VAULT_FILE)) as other, other:
        other.execute("UPDATE share SET sealed = zeroblob(length(sealed))")

    with pytest.raises(InteropError, match="record-altered"):
        ledger.vault.rows_about(HERON_41.subject)

    ledger.close()


# What is left in the vault's file


def a_full_vault(folder: Path) -> tuple[Ledger, bytes]:
    """A ledger of sixty people, and the key of one of them."""
    ledger = open_ledger(folder)
    ledger.keep(arriving(*(submission(f"B-{number}") for number in range(100, 160))))
    secret = ledger.vault.secret("ZZ0010000/B-130")
    assert secret is not None
    return ledger, secret.key


def test_a_key_that_was_forgotten_is_in_no_file(tmp_path: Path) -> None:
    ledger, key = a_full_vault(tmp_path)
    there_before = lies_in(key, files_of(tmp_path, VAULT_FILE))
    ledger.vault.forget("ZZ0010000/B-130", owed=())

    still_there = [each for each in (key, b"ZZ0010000/B-130") if lies_in(each, files_of(tmp_path, VAULT_FILE))]
    ledger.close()

    assert there_before
    assert still_there == []


def test_copies_that_sqlite_has_left_behind_are_taken_out_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite may leave a copy where it has moved a row; here it leaves all of them."""
    ledger, key = a_full_vault(tmp_path)
    ledger.vault.database.run("PRAGMA secure_delete = OFF")

    ledger.vault.forget("ZZ0010000/B-130", owed=())
    still_there = lies_in(key, files_of(tmp_path, VAULT_FILE))
    ledger.close()

    assert not still_there


def test_a_key_stays_in_the_journal_while_somebody_reads_and_goes_the_next_time(tmp_path: Path) -> None:
    ledger, key = a_full_vault(tmp_path)
    ledger.vault.database.run("PRAGMA busy_timeout = 0")
    reader = sqlite3.connect(tmp_path / VAULT_FILE, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM subject").fetchone()

    with pytest.raises(InfrastructureError, match="expunge once more"):
        ledger.vault.forget("ZZ0010000/B-130", owed=())
    reader.close()
    ledger.vault.scrub()

    still_there = lies_in(key, files_of(tmp_path, VAULT_FILE))
    ledger.close()
    assert not still_there


def test_a_crash_between_the_deletion_and_the_scrubbing_is_made_good_at_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger, key = a_full_vault(tmp_path)
    monkeypatch.setattr(ledger.vault, "_clear_journal", lambda: 1 // 0)
    with pytest.raises(ZeroDivisionError):
        ledger.vault.forget("ZZ0010000/B-130", owed=())
    ledger.close()

    again = Vault(tmp_path / VAULT_FILE)
    again.scrub()
    still_there = lies_in(key, files_of(tmp_path, VAULT_FILE))
    again.close()

    assert not still_there


def test_entries_that_are_owed_are_remembered_and_settled(tmp_path: Path) -> None:
    here, there = Position("{0}:booking.recorded.v1", 7, 0), Position("{0}:custody.changed.v1", 7, 1)
    vault = Vault(tmp_path / VAULT_FILE)
    vault.owe([here, there])
    vault.owe([here])

    vault.settle([here])
    left = vault.owed()
    vault.close()

    assert left == {there}


def test_the_records_of_an_event_are_those_of_its_rows(ledger: Ledger) -> None:
    opened = [row for _, row in ledger.vault.rows_about("ZZ0010000/B-42")]

    assert opened == list(rows_of(submission("B-42")))
