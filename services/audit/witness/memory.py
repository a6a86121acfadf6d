"""What a witness remembers: the key of each log, the last checkpoint that it cosigned, and evidence against the log.

A SQLite file. What is remembered has reached the disk before anybody gets a cosignature for it: a witness that forgets
may sign two histories, and then nobody can tell it from one that was bribed.
"""

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from services.audit.tlog.checkpoint import Checkpoint
from services.audit.tlog.notes import Verifier, parse_vkey
from services.audit.tlog.witnessing import Request
from services.audit.witness.domain import NOTHING_SEEN, Cosign, Head, Refuse, decide
from services.chassis.errors import InfrastructureError, InteropError

BUSY_SECONDS = 5.0
_TABLES = (
    "CREATE TABLE IF NOT EXISTS pinned (origin TEXT PRIMARY KEY, vkey TEXT NOT NULL)",
    """CREATE TABLE IF NOT EXISTS seen (
        origin TEXT PRIMARY KEY, size INTEGER NOT NULL, root BLOB NOT NULL, note BLOB NOT NULL, at INTEGER NOT NULL
    )""",
    """CREATE TABLE IF NOT EXISTS evidence (
        number INTEGER PRIMARY KEY, origin TEXT NOT NULL, code TEXT NOT NULL, size INTEGER NOT NULL,
        root BLOB NOT NULL, note BLOB NOT NULL, cosigned BLOB, at INTEGER NOT NULL,
        UNIQUE (origin, code, size, root)
    )""",
)


@dataclass(frozen=True, slots=True)
class Seen:
    """A checkpoint that was cosigned: as the log signed it, and when (in seconds since 1970)."""

    origin: str
    size: int
    root: bytes
    note: bytes
    at: int


@dataclass(frozen=True, slots=True)
class Evidence:
    """A checkpoint that a log has signed and the witness has refused, beside the one that it had cosigned before.

    With code `forked` the two notes alone prove that the log has shown two trees of one size. With `inconsistent` the
    proof did not verify, and that may be the fault of whoever sent it.
    """

    origin: str
    code: str
    size: int
    root: bytes
    note: bytes
    cosigned: bytes | None
    at: int


class Memory:
    """A witness's memory. Safe to use from several threads, and beside other processes."""

    def __init__(self, path: Path, *, new: bool, clock: Callable[[], float] = time.time) -> None:
        """Opens the memory.

        Args:
            path: the file.
            new: whether there may be none yet. It may not where the witness has a key: then it has signed before.
            clock: tells seconds since 1970.

        Raises:
            InteropError: `memory-lost`.
            InfrastructureError: the file cannot be used.
        """
        self.path = path
        self._clock = clock
        self._turn = threading.Lock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._database = sqlite3.connect(path, timeout=BUSY_SECONDS, check_same_thread=False, isolation_level=None)
        except (OSError, sqlite3.Error) as error:
            raise _outage(path, error) from error
        try:
            self._prepare(new)
        except InteropError:
            self._database.close()
            raise

    def consider(self, request: Request, checkpoint: Checkpoint) -> Seen | Refuse:
        """Decides about a checkpoint whose signature is verified, and remembers it, in one transaction.

        Two requests at the same time are decided one after the other, each knowing what became of the other
        (c2sp.org/tlog-witness describes the race). What comes back is on the disk.

        Raises:
            InfrastructureError: nothing was decided, because nothing can be remembered.
        """
        with self._transaction() as run:
            last = _seen(run, checkpoint.origin)
            decision = decide(Head(last.size, last.root) if last else NOTHING_SEEN, request, checkpoint)
            now = int(self._clock())
            if isinstance(decision, Cosign):
                # A cosignature says what was the largest tree at its time, so times must not run backwards.
                at = max(now, last.at) if last else now
                seen = Seen(checkpoint.origin, checkpoint.size, checkpoint.root, request.note, at)
                run(
                    "INSERT OR REPLACE INTO seen (origin, size, root, note, at) VALUES (?, ?, ?, ?, ?)",
                    (seen.origin, seen.size, seen.root, seen.note, seen.at),
                )
                return seen
            if decision.evidence:
                run(
                    "INSERT OR IGNORE INTO evidence (origin, code, size, root, note, cosigned, at)"
                    " VALUES (?, ?, ?, ?, ?, ?, ?)",
                    (
                        checkpoint.origin,
                        decision.code,
                        checkpoint.size,
                        checkpoint.root,
                        request.note,
                        last.note if last else None,
                        now,
                    ),
                )
            return decision

    def pin(self, log: Verifier) -> None:
        """Remembers the key of a log for ever.

        Raises:
            InteropError: `other-key`, when another key is remembered for that log.
            InfrastructureError: nothing can be remembered.
        """
        with self._transaction() as run:
            run("INSERT OR IGNORE INTO pinned (origin, vkey) VALUES (?, ?)", (log.name, log.vkey))
            ((known,),) = run("SELECT vkey FROM pinned WHERE origin = ?", (log.name,))
        if known != log.vkey:
            raise InteropError(
                "other-key",
                f"this witness has known '{log.name}' by the key {known}, and {log.vkey} is another; "
                "for a new log start a new witness",
                status=403,
            )

    def pinned(self) -> dict[str, Verifier]:
        """The keys of the logs that this witness watches, by their origins."""
        rows = self._read("SELECT vkey FROM pinned")
        logs = [parse_vkey(vkey) for (vkey,) in rows]
        return {log.name: log for log in logs}

    def seen(self) -> list[Seen]:
        """The last checkpoint of each log that was cosigned."""
        return [Seen(*row) for row in self._read("SELECT origin, size, root, note, at FROM seen ORDER BY origin")]

    def evidence(self) -> list[Evidence]:
        """The checkpoints that may prove that a log misbehaves, in the order in which they came."""
        rows = self._read("SELECT origin, code, size, root, note, cosigned, at FROM evidence ORDER BY number")
        return [Evidence(*row) for row in rows]

    def close(self) -> None:
        """Closes the file."""
        with self._turn:
            self._database.close()

    def _prepare(self, new: bool) -> None:
        with self._turn:
            self._run("PRAGMA journal_mode = WAL")
            self._run("PRAGMA synchronous = FULL")
        with self._transaction() as run:
            if not new and not run("SELECT 1 FROM sqlite_master WHERE name = 'seen'"):
                raise InteropError(
                    "memory-lost",
                    f"this witness has a key and no memory in {self.path}: what it has signed is forgotten. "
                    "Retire the key, and start a new witness in an empty folder",
                )
            for table in _TABLES:
                run(table)

    def _read(self, sql: str) -> list[tuple[Any, ...]]:
        with self._turn:
            return self._run(sql)

    @contextmanager
    def _transaction(self) -> Iterator[Callable[..., list[tuple[Any, ...]]]]:
        with self._turn:
            self._run("BEGIN IMMEDIATE")
            try:
                yield self._run
                self._run("COMMIT")
            except BaseException:
                with suppress(InteropError):
                    self._run("ROLLBACK")
                raise

    def _run(self, sql: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        try:
            return list(self._database.execute(sql, values))
        except sqlite3.Error as error:
            raise _outage(self.path, error) from error


def _seen(run: Callable[..., list[tuple[Any, ...]]], origin: str) -> Seen | None:
    rows = run("SELECT origin, size, root, note, at FROM seen WHERE origin = ?", (origin,))
    return Seen(*rows[0]) if rows else None


def _outage(path: Path, error: Exception) -> InfrastructureError:
    return InfrastructureError(f"the memory of the witness ({path.name}) cannot be used: {error}")
