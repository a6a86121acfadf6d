"""One real run, and what must hold of it: its events keep the contract, and the log holds what they disclosed.

The services run once for all of these; then they are stopped, and the streams and the log stay behind.
"""

import json
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from shutil import copytree, ignore_patterns
from typing import Any

import httpx
import pytest
from pydantic import TypeAdapter
from redis import Redis

from sandbox import streams
from sandbox.audit.export import export, folder_reader
from sandbox.audit.place import Place, newest, policy, reconcile
from sandbox.candidates import candidate_lists
from sandbox.contracts import violations
from sandbox.drive import wait_for_audit
from sandbox.embedded import RedisServer
from sandbox.stack import SERVICES
from services.audit.access import subject_token
from services.audit.disclosure import check
from services.audit.events import WATCHED, CheckpointPublished
from services.audit.log import LOG_FILE
from services.audit.settings import AuditSettings
from services.audit.tlog.policy import parse_policy
from services.audit.tlog.verify import verify_log
from services.chassis.delivery import keys
from services.chassis.delivery.stages import Arrival
from services.chassis.envelope import Consumed, Event
from services.chassis.errors import InteropError
from tests.foreign.conftest import Verify
from tests.integration.oracle import READY_SECONDS, RUN, a_house, being_booked
from tests.unit.ledgers import open_ledger

FEDERAL = ("FBI", "DHS", "LESC", "ICE")


@dataclass(frozen=True)
class Past:
    """What a run has left: a Redis with its streams, audit's folder, and what audit answered while it was up."""

    redis: Redis
    folder: Path
    subject: str
    disclosures: list[dict[str, Any]]
    readiness: dict[str, Any]


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Past]:
    folder = tmp_path_factory.mktemp("past")
    with RedisServer(folder / "redis-of-its-own") as server, Redis.from_url(server.url) as redis:
        with a_house(folder, services=SERVICES, redis_url=server.url) as house:
            house.wait_ready(READY_SECONDS)
            with being_booked(house.urls["booking"]):
                pass
            readiness = wait_for_audit(redis, house.urls["audit"])
            subject = next(iter(streams.events(redis, "outcome.recorded.v1", RUN)))["subject"]
            token = subject_token(AuditSettings(state_dir=folder).token_key(), subject)
            answer = httpx.get(
                f"{house.urls['audit']}/disclosures",
                params={"subject": subject, "run": RUN},
                headers={"Authorization": f"Bearer {token}"},
            )
        yield Past(redis, folder, subject, answer.json()["disclosures"], readiness)


@pytest.fixture
def copied(past: Past, tmp_path: Path) -> Path:
    """A copy of audit's folder that a test may spoil."""
    folder: Path = copytree(past.folder, tmp_path / "copy", ignore=ignore_patterns("redis*", "logs", "*witness*"))
    return folder


def change(folder: Path, statement: str) -> None:
    """Changes the log behind audit's back."""
    with closing(sqlite3.connect(folder / LOG_FILE)) as database, database:
        assert database.execute(statement).rowcount == 1


# The contract, on the wire


def test_every_event_of_every_stream_keeps_the_contract(past: Past) -> None:
    found = [
        problem
        for event_type in WATCHED
        for _, fields in past.redis.xrange(keys.stream(event_type))
        for problem in violations(json.loads(fields[b"event"]))
    ]

    assert found == []


def test_every_entry_is_one_field_of_plain_json(past: Past) -> None:
    for event_type in WATCHED:
        for _, fields in past.redis.xrange(keys.stream(event_type), count=20):
            assert set(fields) == {b"event"}
            assert json.loads(fields[b"event"])["type"] == event_type


def test_what_is_local_never_enters_a_federal_payload(past: Past) -> None:
    local = {"stop_reason", "group", "local_offense_code", "minor_traffic", "papers", "lawful_status_proof"}
    for event in streams.all_events(past.redis, RUN):
        if any(row["to"] in FEDERAL for row in event["data"]["disclosures"]):
            assert not local & _names(event["data"]), event["type"]


def _names(value: object) -> set[str]:
    """The names of all fields in a payload, however deep."""
    if isinstance(value, dict):
        return set(value) | {name for part in value.values() for name in _names(part)}
    if isinstance(value, list):
        return {name for part in value for name in _names(part)}
    return set()


def test_every_cause_is_an_event_of_the_same_run(past: Past) -> None:
    events = list(streams.all_events(past.redis, RUN))
    ids = {event["id"] for event in events}

    assert {event["causationid"] for event in events if "causationid" in event} <= ids


# The log


def test_the_log_holds_what_the_streams_carried(past: Past) -> None:
    outcome = reconcile(past.redis, past.folder)

    assert outcome.reconciled
    assert outcome.matched == outcome.size > 1_000


def test_audit_itself_has_found_out_that_everything_is_logged_and_published(past: Past) -> None:
    told = past.readiness

    assert (told["reconciliation"]["reconciled"], told["reconciliation"]["lag"]) == (True, 0)
    assert told["log"]["published"] == told["log"]["size"] == reconcile(past.redis, past.folder).size


def test_every_published_checkpoint_is_announced_in_its_order(past: Past) -> None:
    announced = [event["data"]["size"] for event in streams.events(past.redis, CheckpointPublished.event_type)]

    assert announced == sorted(set(announced))
    assert announced[-1] == past.readiness["log"]["published"]


@pytest.fixture(scope="module")
def exported(past: Past, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The log of the run as files."""
    folder = tmp_path_factory.mktemp("exported") / "log"
    with Place(AuditSettings(state_dir=past.folder)).log() as log:
        export(log, newest(log), policy(log), folder, lambda *_: None)
    return folder


def test_what_is_exported_verifies_without_audit(past: Past, exported: Path) -> None:
    believed = parse_policy((exported / "policy").read_text(encoding="utf-8"))

    verified = verify_log(folder_reader(exported), believed)

    assert (verified.checkpoint.size, verified.witnesses) == (past.readiness["log"]["size"], 2)


def test_code_that_is_not_ours_verifies_what_is_exported_and_a_person_s_proof(
    past: Past, exported: Path, verify: Verify, tmp_path: Path
) -> None:
    told = past.disclosures[0]
    proof, entry = tmp_path / "one.tlog-proof", tmp_path / "one.entry"
    proof.write_text(told["proof"], encoding="utf-8")
    entry.write_text(told["entry"], encoding="utf-8")

    answer = verify(exported, proof, entry)

    assert answer.returncode == 0, answer.stderr
    assert json.loads(answer.stdout)["proofs"] == 1


LAST_OF_ITS_TYPE = (
    "(SELECT event FROM log_mark JOIN log_stream ON number = stream WHERE name = '{0}:%s' ORDER BY first DESC LIMIT 1)"
)


def test_an_event_whose_mark_was_removed_is_named_as_missing(past: Past, copied: Path) -> None:
    change(copied, f"DELETE FROM log_mark WHERE event = {LAST_OF_ITS_TYPE % 'detainer.decided.v1'}")

    outcome = reconcile(past.redis, copied)

    assert not outcome.reconciled
    assert [each.event_type for each in outcome.missing] == ["detainer.decided.v1"]


def test_an_entry_that_was_changed_is_named_as_different(past: Past, copied: Path) -> None:
    place = f"(SELECT first FROM log_mark WHERE event = {LAST_OF_ITS_TYPE % 'custody.claimed.v1'})"
    change(copied, f"UPDATE log_entry SET body = CAST(replace(body, 'ICE', 'DHS') AS BLOB) WHERE number = {place}")

    outcome = reconcile(past.redis, copied)

    assert [each.event_type for each in outcome.different] == ["custody.claimed.v1"]


def test_an_event_added_by_hand_after_audit_has_stopped_waits_for_it(past: Past) -> None:
    stream = keys.stream("fingerprints.submitted.v1")
    _, fields = past.redis.xrange(stream, count=1)[0]
    forged = {**json.loads(fields[b"event"]), "id": "added-by-hand"}
    entry = past.redis.xadd(stream, {"event": json.dumps(forged)})

    try:
        outcome = reconcile(past.redis, past.folder)
    finally:
        past.redis.xdel(stream, entry)

    assert outcome.waiting == 1


def test_delivering_everything_again_changes_nothing(past: Past, copied: Path) -> None:
    adapter: TypeAdapter[Event[Consumed]] = TypeAdapter(Event[Consumed])
    again = open_ledger(copied)
    before = again.log.head()

    for event_type in WATCHED:
        entries = past.redis.xrange(keys.stream(event_type))
        again.keep([Arrival(each.decode(), adapter.validate_json(fields[b"event"])) for each, fields in entries])
    after = again.log.head()
    again.close()

    assert after == before


def test_audit_tells_a_person_every_disclosure_about_them(past: Past) -> None:
    carried = [
        (event["id"], row["from"], row["to"])
        for event in streams.all_events(past.redis, RUN)
        if event["subject"] == past.subject
        for row in event["data"]["disclosures"]
    ]
    records = [each["record"] for each in past.disclosures]

    assert sorted((row["event_id"], row["sender"], row["recipient"]) for row in records) == sorted(carried)


def test_a_person_can_check_every_disclosure_about_them_without_audit(past: Past) -> None:
    with Place(AuditSettings(state_dir=past.folder)).log() as log:
        believed = policy(log)

    for each in past.disclosures:
        check(each, each["proof"].encode(), believed)


def test_the_entries_of_the_log_are_what_the_events_declare(past: Past) -> None:
    rows = (row for event in streams.all_events(past.redis, RUN) for row in event["data"]["disclosures"])
    declared = Counter((row["from"], row["to"], tuple(sorted(row["categories"]))) for row in rows)
    with Place(AuditSettings(state_dir=past.folder)).log() as log:
        entries = [json.loads(entry) for entry in log.entries(0, log.head()[0].size)]

    assert Counter((entry["from"], entry["to"], tuple(entry["what"])) for entry in entries) == declared


def test_a_search_that_is_made_again_lists_whom_the_service_named(past: Past) -> None:
    answered = {event["data"]["result"]: event for event in streams.events(past.redis, "immigration.searched.v1")}
    matched = answered["match"]

    iafis, ident = candidate_lists(past.redis, matched["tcn"])

    best, *others = ident.candidates
    assert (best.record, best.score_db, best.is_match) == (matched["data"]["fin"], matched["data"]["score_db"], True)
    assert best.fingers_agreeing >= 8
    assert not any(other.is_match for other in others)
    assert [(each.gallery, len(each.candidates)) for each in (iafis, ident)] == [("iafis", 10), ("ident", 10)]


def test_a_search_of_prints_that_were_never_submitted_is_refused(past: Past) -> None:
    with pytest.raises(InteropError, match="no prints were submitted under tcn 'ZZ41'"):
        candidate_lists(past.redis, "ZZ41")
