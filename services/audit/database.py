"""The two databases that a log can be kept in: a SQLite file, or PostgreSQL by its URL. Same tables, same statements.

Whatever is wrong with a database is an outage to those who wait for it: no input is to blame.
"""

import fcntl
import sqlite3
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, cast

import psycopg

from services.chassis.errors import InfrastructureError, InteropError

Row = tuple[Any, ...]

BUSY_SECONDS = 10.0
_WRITER_LOCK = 0x7E1E_106
"""The number of PostgreSQL's advisory lock that the only writer holds."""


class Database(ABC):
    """A connection that several threads may use, one at a time."""

    blob: str
    """What a column of bytes is called."""

    key: str
    """What a column of large numbers is called that is its table's key."""

    def __init__(self) -> None:
        self._turn = threading.RLock()

    @abstractmethod
    def run(self, sql: str, values: Sequence[Any] = ()) -> list[Row]:
        """Runs one statement, with `?` for each value, and gives the rows that it answers with."""

    @abstractmethod
    def run_many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """Runs one statement for each of many rows."""

    @abstractmethod
    def stream(self, sql: str, values: Sequence[Any] = ()) -> Iterator[Row]:
        """As `run`, without holding all rows in memory."""

    @abstractmethod
    def become_writer(self) -> None:
        """Makes sure that nobody else writes here, until `close` or the end of the process.

        Raises:
            InteropError: `log-in-use`, when somebody does.
        """

    @abstractmethod
    def close(self) -> None:
        """Closes the connection, and lets others write."""

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All of what is written in the block, or nothing of it; durable when the block has ended."""
        with self._turn:
            self.run(self._begin)
            try:
                yield
            except BaseException:
                with suppress(InteropError):
                    self.run("ROLLBACK")
                raise
            self.run("COMMIT")

    _begin = "BEGIN"


class SqliteDatabase(Database):
    """A SQLite file in WAL mode; a commit has reached the disk when it returns (synchronous = FULL)."""

    blob = "BLOB"
    key = "INTEGER"  # the only word for which SQLite keeps no second index
    _begin = "BEGIN IMMEDIATE"

    def __init__(self, path: Path, *, read_only: bool = False, secure_delete: bool = False) -> None:
        super().__init__()
        self.path = path
        self._lock_file: Any = None
        try:
            if read_only:
                address = f"{path.resolve().as_uri()}?mode=ro"
                self._connection = sqlite3.connect(address, uri=True, check_same_thread=False, isolation_level=None)
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                self._connection = sqlite3.connect(
                    path, timeout=BUSY_SECONDS, check_same_thread=False, isolation_level=None
                )
                self._connection.execute("PRAGMA journal_mode = WAL")
                self._connection.execute("PRAGMA synchronous = FULL")
                self._connection.execute("PRAGMA wal_autocheckpoint = 4096")
                self._connection.execute(f"PRAGMA secure_delete = {'ON' if secure_delete else 'OFF'}")
        except sqlite3.Error as error:
            raise _outage(path.name, error) from error

    def run(self, sql: str, values: Sequence[Any] = ()) -> list[Row]:
        """Runs one statement."""
        with self._turn:
            try:
                return list(self._connection.execute(sql, values))
            except sqlite3.Error as error:
                raise _outage(self.path.name, error) from error

    def run_many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """Runs one statement for each of many rows."""
        with self._turn:
            try:
                self._connection.executemany(sql, rows)
            except sqlite3.Error as error:
                raise _outage(self.path.name, error) from error

    def stream(self, sql: str, values: Sequence[Any] = ()) -> Iterator[Row]:
        """Rows as they are read."""
        try:
            yield from self._connection.execute(sql, values)
        except sqlite3.Error as error:
            raise _outage(self.path.name, error) from error

    def become_writer(self) -> None:
        """Locks a file beside the database; the system unlocks it when the process ends, however it ends."""
        lock = self.path.with_name(f"{self.path.name}.writer").open("wb")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.close()
            raise in_use(self.path.name) from error
        self._lock_file = lock

    def close(self) -> None:
        """Closes the file."""
        with self._turn:
            self._connection.close()
        if self._lock_file is not None:
            self._lock_file.close()
            self._lock_file = None


class PostgresDatabase(Database):
    """A PostgreSQL database. A connection that breaks is an outage; the process that wrote through it ends."""

    blob = "BYTEA"
    key = "BIGINT"

    def __init__(self, url: str) -> None:
        super().__init__()
        try:
            self._connection = psycopg.connect(url, autocommit=True)
        except psycopg.Error as error:
            raise _outage("PostgreSQL", error) from error

    def run(self, sql: str, values: Sequence[Any] = ()) -> list[Row]:
        """Runs one statement."""
        with self._turn:
            try:
                cursor = self._connection.execute(_psycopg(sql), values or None)
                return cursor.fetchall() if cursor.description else []
            except psycopg.Error as error:
                raise _outage("PostgreSQL", error) from error

    def run_many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """Runs one statement for each of many rows."""
        with self._turn:
            try:
                with self._connection.cursor() as cursor:
                    cursor.executemany(_psycopg(sql), rows)
            except psycopg.Error as error:
                raise _outage("PostgreSQL", error) from error

    def stream(self, sql: str, values: Sequence[Any] = ()) -> Iterator[Row]:
        """Rows as they are read, through a cursor of the server's."""
        try:
            with self._turn, self._connection.transaction(), self._connection.cursor(name="reading") as cursor:
                cursor.itersize = 5_000
                yield from cast(Iterator[Row], cursor.execute(_psycopg(sql), values or None))
        except psycopg.Error as error:
            raise _outage("PostgreSQL", error) from error

    def become_writer(self) -> None:
        """Takes an advisory lock, which the server gives back when the connection ends, however it ends."""
        if self.run("SELECT pg_try_advisory_lock(?)", (_WRITER_LOCK,)) != [(True,)]:
            raise in_use("PostgreSQL")

    def close(self) -> None:
        """Closes the connection."""
        with self._turn:
            self._connection.close()


def in_use(name: str) -> InteropError:
    """The error of a second writer."""
    return InteropError(
        "log-in-use", f"another process writes to the log in {name}, and a log has one writer; stop that one first"
    )


def _psycopg(sql: str) -> Any:
    return sql.replace("?", "%s")


def _outage(name: str, error: Exception) -> InfrastructureError:
    return InfrastructureError(f"the database of the log ({name}) cannot be used: {error}")
