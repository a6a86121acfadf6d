"""The projection: a SQLite file that holds what the report counts, and as little else as that takes.

Delivery is at least once, and events of different streams come in any order. So each event only fills in columns of
its own of the one row of its case, and what it disclosed is kept under its id: whatever comes again, or comes before
what caused it, leaves the same file.

What is not needed is not there: no label, no prints, no file numbers, of the booking's reference only the agency, of
times only the quarter of an hour.
"""

import json
import secrets
import sqlite3
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, fields
from datetime import UTC, date, tzinfo
from hashlib import blake2b
from pathlib import Path
from typing import Any

from services.audit.report.events import (
    BasisSeen,
    BookingRecorded,
    CooperationDecided,
    CustodyChanged,
    DayClosed,
    DetainerDecided,
    ImmigrationSearched,
    ImmigrationStatusReturned,
    OutcomeRecorded,
    RunOpened,
)
from services.audit.report.figures import Calendar, Case, Shared, moment, quarter
from services.chassis.envelope import Consumed, Event
from services.chassis.errors import InfrastructureError, InteropError

REPORT_FILE = "report.sqlite"
BUSY_SECONDS = 10.0

_SCHEMA = """
CREATE TABLE IF NOT EXISTS secret (only INTEGER PRIMARY KEY CHECK (only = 1), salt BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS runs (run INTEGER PRIMARY KEY, runid TEXT NOT NULL UNIQUE, opened TEXT, opened_as INTEGER,
    last_day TEXT);
CREATE TABLE IF NOT EXISTS cases (
    number INTEGER PRIMARY KEY, run INTEGER NOT NULL, key TEXT NOT NULL, ori TEXT NOT NULL,
    booked_at INTEGER, submitted_at INTEGER, searched_at INTEGER, matched INTEGER NOT NULL DEFAULT 0,
    charge_known INTEGER, decided_at INTEGER, lodged INTEGER NOT NULL DEFAULT 0,
    level_by_charge TEXT, level_by_conviction TEXT, convicted INTEGER, final_order INTEGER, prior_removal INTEGER,
    on_file_at INTEGER, judicial_warrant INTEGER, federal_felony_warrant INTEGER,
    told_at INTEGER, transfer_sequence INTEGER, transfer_why TEXT,
    held_at INTEGER, transferred_at INTEGER, released_at INTEGER,
    outcome TEXT, outcome_at INTEGER, feedback INTEGER,
    UNIQUE (run, key)
);
CREATE TABLE IF NOT EXISTS kinds (kind INTEGER PRIMARY KEY, disclosures TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS shared (event_id TEXT PRIMARY KEY, number INTEGER NOT NULL, kind INTEGER NOT NULL,
    at INTEGER NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS shared_by_case ON shared (number);
CREATE TABLE IF NOT EXISTS deciding (run INTEGER, question TEXT, policy TEXT, sha256 TEXT,
    PRIMARY KEY (run, question, policy, sha256)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS clauses (run INTEGER, policy TEXT, clause TEXT, text TEXT, source TEXT,
    PRIMARY KEY (run, policy, clause)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS forgotten (digest BLOB PRIMARY KEY) WITHOUT ROWID;
"""

_TIMES = (
    "booked_at", "submitted_at", "searched_at", "decided_at", "on_file_at", "told_at", "held_at", "transferred_at",
    "released_at", "outcome_at",
)  # fmt: skip
_STAGES = {"hold_started": "held_at", "transferred": "transferred_at", "released": "released_at"}
_YES_OR_NO = ("matched", "charge_known", "lodged", "convicted", "final_order", "prior_removal", "judicial_warrant",
              "federal_felony_warrant", "feedback")  # fmt: skip
_COLUMNS = ", ".join(column.name for column in fields(Case))
_OF_CASE = "WHERE run = :run AND key = :key"

Values = dict[str, Any]
Statement = tuple[str, Values]


def _set(**values: Any) -> Statement:
    """Fills in columns of the case's row. Their names are written here, never read from an event."""
    columns = ", ".join(f"{name} = :{name}" for name in values)
    return f"UPDATE cases SET {columns} {_OF_CASE}", values  # noqa: S608  names of columns only


def _on_booking(event: Event[BookingRecorded]) -> Iterator[Statement]:
    yield _set(booked_at=quarter(event.time))


def _on_submission(event: Event[Consumed]) -> Iterator[Statement]:
    yield _set(submitted_at=quarter(event.time))


def _on_search(event: Event[ImmigrationSearched]) -> Iterator[Statement]:
    yield _set(searched_at=quarter(event.time), matched=event.data.result == "match")


def _on_status(event: Event[ImmigrationStatusReturned]) -> Iterator[Statement]:
    charge = event.data.charge
    yield _set(charge_known=charge is not None and bool(charge.ncic))


def _on_detainer(event: Event[DetainerDecided]) -> Iterator[Statement]:
    data = event.data
    yield _set(
        decided_at=quarter(event.time),
        lodged=data.action == "lodged",
        level_by_charge=data.levels.charge_or_conviction,
        level_by_conviction=data.levels.conviction,
        convicted=data.grounds.convicted,
        final_order=data.grounds.final_order,
        prior_removal=data.grounds.prior_removal,
    )
    yield _deciding("ice_priority", data.basis)


def _on_custody(event: Event[CustodyChanged]) -> Iterator[Statement]:
    stage, facts = event.data.stage, event.data.facts or {}
    if stage == "detainer_on_file":
        yield _set(
            on_file_at=quarter(event.time),
            judicial_warrant=facts.get("federal_judicial_warrant") is True,
            federal_felony_warrant=facts.get("federal_felony_warrant") is True,
        )
    elif stage in _STAGES:
        yield _set(**{_STAGES[stage]: quarter(event.time)})


_FIRST_TOLD = f"UPDATE cases SET told_at = min(coalesce(told_at, :at), :at) {_OF_CASE}"  # noqa: S608
_LAST_RULING = (
    f"UPDATE cases SET transfer_sequence = :sequence, transfer_why = :why {_OF_CASE}"  # noqa: S608
    " AND :sequence > coalesce(transfer_sequence, -1)"
)
_CLAUSE = "INSERT OR IGNORE INTO clauses VALUES (:run, :policy, :clause, :text, :source)"


def _on_cooperation(event: Event[CooperationDecided]) -> Iterator[Statement]:
    data = event.data
    if data.told:
        yield _FIRST_TOLD, {"at": quarter(event.time)}
    if "transfer" in data.answers:
        yield _LAST_RULING, {"sequence": data.sequence, "why": _why(data)}
        for ground in data.basis.because:
            if "transfer" in ground.levers:
                told = {"clause": ground.clause, "text": ground.text, "source": ground.source}
                yield _CLAUSE, {"policy": data.basis.policy, **told}
    yield _deciding("detainer", data.basis)


def _on_outcome(event: Event[OutcomeRecorded]) -> Iterator[Statement]:
    told = any(disclosure.recipient == "LEA" for disclosure in event.data.disclosures)
    yield _set(outcome=event.data.outcome, outcome_at=quarter(event.time), feedback=told)


def _on_opened(event: Event[RunOpened]) -> Iterator[Statement]:
    opened = event.data.model_dump_json(by_alias=True)
    # The run that was opened last is the one that is reported when none is named.
    yield (
        "UPDATE runs SET opened = :opened, opened_as = (SELECT coalesce(max(opened_as), 0) + 1 FROM runs)"
        " WHERE run = :run AND opened IS NULL",
        {"opened": opened},
    )


def _on_closed(event: Event[DayClosed]) -> Iterator[Statement]:
    day = event.data.day.isoformat()
    yield "UPDATE runs SET last_day = max(coalesce(last_day, :day), :day) WHERE run = :run", {"day": day}


def _deciding(question: str, basis: BasisSeen) -> Statement:
    values = {"question": question, "policy": basis.policy, "sha256": basis.sha256}
    return "INSERT OR IGNORE INTO deciding VALUES (:run, :question, :policy, :sha256)", values


def _why(data: CooperationDecided) -> str:
    """The policy's word on handing over, what the agency made of it, and the clauses: as every report tells it."""
    word, done = data.answers["transfer"], data.exercised.get("transfer", False)
    if word == "silent":
        return "silent: " + ("done, as is usual" if done else "not done, as is usual")
    made_of_it = {"may": " used" if done else " not used"}.get(word, "")
    clauses = (ground.clause for ground in data.basis.because if "transfer" in ground.levers)
    return f"{word}{made_of_it}: {', '.join(clauses)}"


_HANDLERS: Mapping[str, Callable[[Event[Any]], Iterator[Statement]]] = {
    "run.opened.v1": _on_opened,
    "day.closed.v1": _on_closed,
    "booking.recorded.v1": _on_booking,
    "fingerprints.submitted.v1": _on_submission,
    "immigration.searched.v1": _on_search,
    "immigration.status.returned.v1": _on_status,
    "detainer.decided.v1": _on_detainer,
    "custody.changed.v1": _on_custody,
    "cooperation.decided.v1": _on_cooperation,
    "outcome.recorded.v1": _on_outcome,
}


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One run as the projection holds it at one moment."""

    runid: str
    opened: RunOpened
    last_day: date | None
    cases: Sequence[Case]
    shared: Sequence[Shared]
    deciding: frozenset[tuple[str, str, str]]
    clauses: Sequence[Mapping[str, str]]


class Readings:
    """Reads a projection, also while it is written; changes nothing."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def snapshot(self, runid: str | None = None) -> Snapshot:
        """One run, whole, as of one moment.

        Args:
            runid: the run; the one that was opened last, if none is given.

        Raises:
            InteropError: `no-report`, when there is no projection, or it knows of no run; `unknown-run`.
        """
        with self._reading() as database:
            number, name, opened, last_day = _run(database, runid)
            return Snapshot(
                runid=name,
                opened=RunOpened.model_validate_json(opened),
                last_day=None if last_day is None else date.fromisoformat(last_day),
                cases=list(_cases(database, number)),
                shared=list(_shared(database, number)),
                deciding=frozenset(
                    database.execute("SELECT question, policy, sha256 FROM deciding WHERE run = ?", (number,))
                ),
                clauses=[
                    dict(zip(("policy", "clause", "text", "source"), row, strict=True))
                    for row in database.execute(
                        "SELECT policy, clause, text, source FROM clauses WHERE run = ? ORDER BY 1, 2", (number,)
                    )
                ],
            )

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        if not self.path.exists():
            raise InteropError(
                "no-report", "nothing has been counted yet; run 'interop run SCENARIO' first", status=404
            )
        address = f"{self.path.resolve().as_uri()}?mode=ro"
        try:
            with closing(sqlite3.connect(address, uri=True, timeout=BUSY_SECONDS, isolation_level=None)) as database:
                database.execute("BEGIN")  # every table as of the same moment
                yield database
        except sqlite3.Error as error:
            raise InfrastructureError(f"the report's projection cannot be read: {error}") from error


class Projection(Readings):
    """Writes the projection, and reads it. Safe to use from several threads, and beside other processes."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        self._database = sqlite3.connect(path, timeout=BUSY_SECONDS, check_same_thread=False, isolation_level=None)
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = FULL")
        self._database.execute("PRAGMA secure_delete = ON")
        self._database.executescript(_SCHEMA)
        self._database.execute("INSERT OR IGNORE INTO secret VALUES (1, ?)", (secrets.token_bytes(16),))
        (self._salt,) = self._database.execute("SELECT salt FROM secret").fetchone()
        self._runs: dict[str, int] = {}
        self._kinds: dict[str, int] = {}
        self._queue: list[_Ticket] = []
        self._queue_lock = threading.Lock()
        self._write_lock = threading.Lock()

    def keep(self, events: Sequence[Event[Any]]) -> None:
        """Counts `events`, durably, before it returns; batches that wait for the disk together share a transaction.

        Raises:
            InfrastructureError: the database cannot be written just now.
        """
        ticket = _Ticket(events)
        with self._queue_lock:
            self._queue.append(ticket)
        with self._write_lock:
            if not ticket.done:
                self._write_queue()
        if ticket.error is not None:
            raise ticket.error

    def forget(self, runid: str, tcn: str) -> int:
        """Takes out what leads from the counts to a person, and tells how many rows count on without it.

        The rows of the case get a random key, random event ids (the real ones can be worked out from the tcn) and, for
        times, the middle of their month. What remains as a mark is a salted hash of run and tcn: so that an event of
        the case that comes later, or again, is dropped and not counted twice. Whoever has this file and tries every
        booking of the run against the mark learns that the case was forgotten, and nothing of what was in it.

        Forgetting a case that is not known yet leaves the mark too, and tells 0; so does forgetting it once more.

        Raises:
            InfrastructureError: the database cannot be written just now, or somebody's reading keeps old pages in use;
                call it again.
        """
        with self._write_lock:
            try:
                with self._transaction():
                    rows = self._forget(runid, tcn)
                (busy, *_) = self._database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            except sqlite3.Error as error:
                raise InfrastructureError(f"the report's projection cannot be written: {error}") from error
        if busy:
            raise InfrastructureError("somebody is reading the report's projection; forget the case once more")
        return rows

    def close(self) -> None:
        """Closes the file."""
        self._database.close()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._database.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._database.execute("ROLLBACK")
            # What was numbered in it is gone with it.
            self._runs.clear()
            self._kinds.clear()
            raise
        self._database.execute("COMMIT")

    def _write_queue(self) -> None:
        with self._queue_lock:
            tickets, self._queue = self._queue, []
        if not self._written(tickets):
            # Somebody's events cannot be counted: whoever waited beside them must not fail with them, nor be lost.
            for ticket in tickets:
                self._written([ticket])
        for ticket in tickets:
            ticket.done = True

    def _written(self, tickets: Sequence["_Ticket"]) -> bool:
        """Whether these were written, or the database was out of reach; otherwise each holds the error."""
        error: Exception | None = None
        try:
            with self._transaction():
                for ticket in tickets:
                    self._write(ticket.events)
        except sqlite3.Error as outage:
            error = InfrastructureError(f"the report's projection cannot be written: {outage}")
        except Exception as failure:
            error = failure
        for ticket in tickets:
            ticket.error = error
        return error is None or isinstance(error, InfrastructureError)

    def _write(self, events: Sequence[Event[Any]]) -> None:
        cases: list[Values] = []
        disclosures: list[Values] = []
        statements: dict[str, list[Values]] = defaultdict(list)
        for event in events:
            where: Values = {"run": self._run_number(event.runid)}
            if event.tcn is not None:
                if self._is_forgotten(event.runid, event.tcn):
                    continue
                where["key"] = event.tcn
                cases.append({**where, "ori": event.subject.partition("/")[0]})
                if event.data.disclosures:
                    told = {"id": event.id, "kind": self._kind(event), "at": quarter(event.time)}
                    disclosures.append({**where, **told})
            handler = _HANDLERS.get(event.type)
            if handler is not None:
                for sql, values in handler(event):
                    statements[sql].append({**where, **values})
        self._database.executemany("INSERT OR IGNORE INTO cases (run, key, ori) VALUES (:run, :key, :ori)", cases)
        self._database.executemany(
            f"INSERT OR IGNORE INTO shared SELECT :id, number, :kind, :at FROM cases {_OF_CASE}",  # noqa: S608
            disclosures,
        )
        for sql, rows in statements.items():
            self._database.executemany(sql, rows)

    def _run_number(self, runid: str) -> int:
        if runid not in self._runs:
            self._database.execute("INSERT OR IGNORE INTO runs (runid) VALUES (?)", (runid,))
            (self._runs[runid],) = self._database.execute("SELECT run FROM runs WHERE runid = ?", (runid,)).fetchone()
        return self._runs[runid]

    def _kind(self, event: Event[Any]) -> int:
        rows = [[row.sender, row.recipient, sorted(row.categories)] for row in event.data.disclosures]
        told = json.dumps(rows)
        if told not in self._kinds:
            self._database.execute("INSERT OR IGNORE INTO kinds (disclosures) VALUES (?)", (told,))
            found = self._database.execute("SELECT kind FROM kinds WHERE disclosures = ?", (told,))
            (self._kinds[told],) = found.fetchone()
        return self._kinds[told]

    def _digest(self, runid: str, tcn: str) -> bytes:
        return blake2b(f"{runid}|{tcn}".encode(), digest_size=16, key=self._salt).digest()

    def _is_forgotten(self, runid: str, tcn: str) -> bool:
        found = self._database.execute("SELECT 1 FROM forgotten WHERE digest = ?", (self._digest(runid, tcn),))
        return found.fetchone() is not None

    def _forget(self, runid: str, tcn: str) -> int:
        self._database.execute("INSERT OR IGNORE INTO forgotten VALUES (?)", (self._digest(runid, tcn),))
        run = self._run_number(runid)
        of_case = "SELECT number, ori, opened FROM cases JOIN runs USING (run) WHERE run = ? AND key = ?"
        found = self._database.execute(of_case, (run, tcn)).fetchone()
        if found is None:
            return 0
        number, ori, opened = found
        zone = UTC if opened is None else Calendar(RunOpened.model_validate_json(opened), None).zone(ori)
        told = list(self._database.execute("SELECT event_id, kind, at FROM shared WHERE number = ?", (number,)))
        self._database.execute("DELETE FROM shared WHERE number = ?", (number,))
        self._database.executemany(
            "INSERT INTO shared VALUES (?, ?, ?, ?)",
            [(secrets.token_hex(16), number, kind, _middle_of_month(at, zone)) for _, kind, at in told],
        )
        columns = ", ".join(_TIMES)
        times = self._database.execute(f"SELECT {columns} FROM cases WHERE number = ?", (number,)).fetchone()  # noqa: S608
        blurred = ", ".join(f"{name} = ?" for name in _TIMES)
        self._database.execute(
            f"UPDATE cases SET key = ?, {blurred} WHERE number = ?",  # noqa: S608  names of columns only
            (secrets.token_hex(16), *(None if at is None else _middle_of_month(at, zone) for at in times), number),
        )
        return 1 + len(told)


@dataclass(slots=True)
class _Ticket:
    """What one caller wants to have counted."""

    events: Sequence[Event[Any]]
    done: bool = False
    error: Exception | None = None


def _middle_of_month(at: int, zone: tzinfo) -> int:
    """A quarter of an hour in the middle of the same month."""
    return quarter(moment(at).astimezone(zone).replace(day=15, hour=12, minute=0))


def _run(database: sqlite3.Connection, runid: str | None) -> tuple[int, str, str, str | None]:
    query = "SELECT run, runid, opened, last_day FROM runs WHERE opened IS NOT NULL AND runid = coalesce(?, runid)"
    found: tuple[int, str, str, str | None] | None = database.execute(
        f"{query} ORDER BY opened_as DESC LIMIT 1", (runid,)
    ).fetchone()
    if found is not None:
        return found
    if runid is None:
        raise InteropError("no-report", "no run has been counted yet; run 'interop run SCENARIO' first", status=404)
    names = [name for (name,) in database.execute("SELECT runid FROM runs WHERE opened IS NOT NULL ORDER BY opened_as")]
    known = f"known are {', '.join(names)}" if names else "no run has been counted yet"
    raise InteropError("unknown-run", f"the report knows no run '{runid}'; {known}", status=404)


def _cases(database: sqlite3.Connection, run: int) -> Iterable[Case]:
    answers = [place for place, column in enumerate(fields(Case)) if column.name in _YES_OR_NO]
    for row in database.execute(f"SELECT {_COLUMNS} FROM cases WHERE run = ?", (run,)):  # noqa: S608  names only
        values = list(row)
        for place in answers:
            if values[place] is not None:
                values[place] = bool(values[place])
        yield Case(*values)


def _shared(database: sqlite3.Connection, run: int) -> Iterable[Shared]:
    hops = {
        kind: tuple((sender, recipient, tuple(categories)) for sender, recipient, categories in json.loads(told))
        for kind, told in database.execute("SELECT kind, disclosures FROM kinds")
    }
    query = "SELECT ori, at, kind, count(*) FROM shared JOIN cases USING (number) WHERE run = ? GROUP BY ori, at, kind"
    for ori, at, kind, count in database.execute(query, (run,)):
        yield Shared(ori, at, hops[kind], count)
