"""The ledger: a SQLite file with one row per disclosure, written exactly once.

The rows of an event are keyed by its id and their place in it, so an event that is delivered again changes nothing.
Batches of several streams that wait for the disk at the same time share one transaction, and so one fsync.
"""

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from services.audit.domain import Row, rows_of
from services.chassis.envelope import Consumed, Event
from services.chassis.errors import InfrastructureError, InteropError

_COLUMNS = ", ".join(column.name for column in fields(Row))
_PLACES = ", ".join("?" for _ in fields(Row))
_SELECT = f"SELECT {_COLUMNS} FROM disclosures"  # noqa: S608  column names only
_INSERT = f"INSERT INTO disclosures ({_COLUMNS}) VALUES ({_PLACES})"  # noqa: S608  column names only
_SCHEMA = """
CREATE TABLE IF NOT EXISTS disclosures (
    event_id TEXT NOT NULL, hop INTEGER NOT NULL, sender TEXT NOT NULL, recipient TEXT NOT NULL,
    categories TEXT NOT NULL, basis TEXT NOT NULL, purpose TEXT NOT NULL, time TEXT NOT NULL,
    runid TEXT NOT NULL, subject TEXT NOT NULL, event_type TEXT NOT NULL,
    PRIMARY KEY (event_id, hop)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS by_subject ON disclosures (subject, runid);
CREATE INDEX IF NOT EXISTS by_run ON disclosures (runid, sender, recipient, categories);
"""
BUSY_SECONDS = 10.0


@dataclass(slots=True)
class _Ticket:
    """What one caller wants to have written: the rows of each event (none, for one that discloses nothing)."""

    events: list[tuple[str, list[Row]]]
    done: bool = False
    error: InteropError | None = None


class Ledger:
    """Writes and reads the ledger. Safe to use from several threads, and beside other processes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._database = sqlite3.connect(
            path, timeout=BUSY_SECONDS, check_same_thread=False, isolation_level=None, cached_statements=16
        )
        self._database.execute("PRAGMA journal_mode = WAL")
        self._database.execute("PRAGMA synchronous = FULL")
        self._database.executescript(_SCHEMA)
        self._queue: list[_Ticket] = []
        self._queue_lock = threading.Lock()
        self._write_lock = threading.Lock()

    def keep(self, events: Sequence[Event[Consumed]]) -> None:
        """Writes the disclosures of `events`, durably, before it returns.

        Raises:
            InteropError: `conflicting-event`, for an event whose id is in the ledger with other disclosures.
            InfrastructureError: the database cannot be written just now.
        """
        ticket = _Ticket([(event.id, list(rows_of(event))) for event in events])
        with self._queue_lock:
            self._queue.append(ticket)
        with self._write_lock:
            if not ticket.done:
                self._write_queue()
        if ticket.error is not None:
            raise ticket.error

    def disclosures(self, *, subject: str, runid: str | None = None) -> list[Row]:
        """The rows about one booking, in the order of time."""
        query = f"{_SELECT} WHERE subject = ? AND runid = coalesce(?, runid) ORDER BY time, event_id, hop"
        with self._write_lock:
            return [Row(*row) for row in self._database.execute(query, (subject, runid))]

    def totals(self, runid: str) -> list[tuple[str, str, str, int]]:
        """How often each sender told each recipient which categories in a run."""
        query = (
            "SELECT sender, recipient, categories, count(*) FROM disclosures WHERE runid = ?"
            " GROUP BY sender, recipient, categories ORDER BY sender, recipient, categories"
        )
        with self._write_lock:
            return list(self._database.execute(query, (runid,)))

    def close(self) -> None:
        """Closes the file."""
        self._database.close()

    def _write_queue(self) -> None:
        with self._queue_lock:
            tickets, self._queue = self._queue, []
        try:
            self._write(tickets)
        except sqlite3.Error as error:
            outage = InfrastructureError(f"the ledger cannot be written: {error}")
            for ticket in tickets:
                ticket.error = outage
        for ticket in tickets:
            ticket.done = True

    def _write(self, tickets: Sequence[_Ticket]) -> None:
        self._database.execute("BEGIN IMMEDIATE")
        try:
            for ticket in tickets:
                for event_id, rows in ticket.events:
                    if not self._write_event(event_id, rows):
                        sentence = f"event {event_id} is in the ledger with other disclosures than these"
                        ticket.error = InteropError("conflicting-event", sentence)
        except BaseException:
            self._database.execute("ROLLBACK")
            raise
        self._database.execute("COMMIT")

    def _write_event(self, event_id: str, rows: Sequence[Row]) -> bool:
        """Writes the rows of an event that is not there yet; False when it is there with others."""
        held = [Row(*row) for row in self._database.execute(f"{_SELECT} WHERE event_id = ? ORDER BY hop", (event_id,))]
        if held:
            return held == rows
        self._database.executemany(_INSERT, [astuple(row) for row in rows])
        return True


def read_rows(path: Path) -> Iterator[Row]:
    """All rows of a ledger, read without changing anything, also while audit writes.

    May be read on from another thread than it was begun in (a server does that), but by one at a time.

    Raises:
        InteropError: `no-ledger`.
    """
    if not path.exists():
        raise InteropError("no-ledger", f"there is no ledger at {path}; run 'interop run SCENARIO' first")
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, check_same_thread=False)) as database:
        for row in database.execute(_SELECT):
            yield Row(*row)
