"""One real run, and what must hold of it: its events keep the contract, and the ledger holds what they disclosed.

The services run once for all of these; then they are stopped, and the streams and the ledger stay behind.
"""

import json
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from shutil import copy

import httpx
import pytest
from pydantic import TypeAdapter
from redis import Redis

from sandbox import streams
from sandbox.contracts import violations
from sandbox.drive import wait_for_audit
from sandbox.embedded import RedisServer
from sandbox.house import LEDGER_FILE
from sandbox.report import disclosures
from sandbox.runs import reconcile_ledger, summary
from services.audit.events import WATCHED
from services.audit.ledger import Ledger, read_rows
from services.chassis.delivery import keys
from services.chassis.envelope import Consumed, Event
from tests.integration.oracle import READY_SECONDS, RUN, a_house, being_booked

FEDERAL = ("FBI", "DHS", "LESC", "ICE")


@dataclass(frozen=True)
class Past:
    """What a run has left: a Redis with its streams, the ledger's file, and what audit answered while it was up."""

    redis: Redis
    ledger: Path
    told_by_audit: dict[str, object]


@pytest.fixture(scope="module")
def past(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Past]:
    folder = tmp_path_factory.mktemp("past")
    with RedisServer(folder / "redis-of-its-own") as server, Redis.from_url(server.url) as redis:
        with a_house(folder, redis_url=server.url) as house:
            house.wait_ready(READY_SECONDS)
            with being_booked(house.urls["booking"]):
                pass
            wait_for_audit(redis)
            told = _told_by_audit(house.urls["audit"], redis)
        yield Past(redis, folder / LEDGER_FILE, told)


def _told_by_audit(url: str, redis: Redis) -> dict[str, object]:
    subject = next(iter(streams.events(redis, "outcome.recorded.v1", RUN)))["subject"]
    account = httpx.get(f"{url}/disclosures", params={"subject": subject, "run": RUN}).json()
    report = httpx.get(f"{url}/report", params={"run": RUN}).json()
    return {"subject": subject, "account": account["disclosures"], "report": report["disclosures"]}


@pytest.fixture
def ledger(past: Past, tmp_path: Path) -> Path:
    """A copy of the ledger that a test may spoil."""
    return Path(copy(past.ledger, tmp_path / "ledger.sqlite"))


def change(ledger: Path, statement: str) -> None:
    """Changes the ledger behind audit's back."""
    with closing(sqlite3.connect(ledger)) as database, database:
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


# The ledger


def test_the_ledger_holds_what_the_streams_carried(past: Past) -> None:
    outcome = summary(reconcile_ledger(past.redis, read_rows(past.ledger)))

    assert outcome["reconciled"]
    assert outcome["disclosures"] > 1_000


def test_a_row_that_was_removed_is_named_as_missing(past: Past, ledger: Path) -> None:
    change(
        ledger,
        "DELETE FROM disclosures WHERE (event_id, hop) IN"
        " (SELECT event_id, hop FROM disclosures WHERE event_type = 'detainer.decided.v1' LIMIT 1)",
    )

    outcome = summary(reconcile_ledger(past.redis, read_rows(ledger)))

    assert not outcome["reconciled"]
    assert [(row["type"], row["from"], row["to"]) for row in outcome["missing"]] == [
        ("detainer.decided.v1", "ICE", "LEA")
    ]


def test_a_row_that_was_changed_is_named_as_different(past: Past, ledger: Path) -> None:
    change(
        ledger,
        "UPDATE disclosures SET recipient = 'DHS' WHERE (event_id, hop) IN"
        " (SELECT event_id, hop FROM disclosures WHERE event_type = 'custody.claimed.v1' LIMIT 1)",
    )

    outcome = summary(reconcile_ledger(past.redis, read_rows(ledger)))

    assert [row["type"] for row in outcome["different"]] == ["custody.claimed.v1"]


def test_a_row_that_no_event_carried_is_named_as_extra(past: Past, ledger: Path) -> None:
    change(
        ledger,
        "INSERT INTO disclosures SELECT 'nobody-sent-this', hop, sender, recipient, categories, basis, purpose, time,"
        " runid, subject, event_type FROM disclosures LIMIT 1",
    )

    outcome = summary(reconcile_ledger(past.redis, read_rows(ledger)))

    assert [row["event"] for row in outcome["extra"]] == ["nobody-sent-this"]


def test_an_event_added_by_hand_after_audit_has_stopped_is_named_as_missing(past: Past) -> None:
    stream = keys.stream("fingerprints.submitted.v1")
    _, fields = past.redis.xrange(stream, count=1)[0]
    forged = {**json.loads(fields[b"event"]), "id": "added-by-hand"}
    entry = past.redis.xadd(stream, {"event": json.dumps(forged)})

    try:
        outcome = summary(reconcile_ledger(past.redis, read_rows(past.ledger)))
    finally:
        past.redis.xdel(stream, entry)

    assert not outcome["reconciled"]
    assert {row["event"] for row in outcome["missing"]} == {"added-by-hand"}
    assert len(outcome["missing"]) == 2


def test_delivering_everything_again_changes_nothing(past: Past, ledger: Path) -> None:
    before = set(read_rows(ledger))
    adapter: TypeAdapter[Event[Consumed]] = TypeAdapter(Event[Consumed])
    again = Ledger(ledger)

    for event_type in WATCHED:
        again.keep(
            [adapter.validate_json(fields[b"event"]) for _, fields in past.redis.xrange(keys.stream(event_type))]
        )
    again.close()

    assert set(read_rows(ledger)) == before


def test_audit_tells_a_person_every_disclosure_about_them(past: Past) -> None:
    subject, account = past.told_by_audit["subject"], past.told_by_audit["account"]
    carried = [
        (event["id"], row["from"], row["to"])
        for event in streams.all_events(past.redis, RUN)
        if event["subject"] == subject
        for row in event["data"]["disclosures"]
    ]

    assert isinstance(account, list)
    assert sorted((row["event_id"], row["sender"], row["recipient"]) for row in account) == sorted(carried)


def test_audit_reports_what_the_events_declare(past: Past) -> None:
    rows = (row for event in streams.all_events(past.redis, RUN) for row in event["data"]["disclosures"])
    declared = Counter((row["from"], row["to"], tuple(sorted(row["categories"]))) for row in rows)

    assert past.told_by_audit["report"] == disclosures(declared)
