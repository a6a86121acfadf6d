"""What a log can be kept in: a SQLite file, or PostgreSQL (postgres.py). Same tables, same statements.

Whatever is wrong with a database is an outage to those who wait for it: no input is to blame.
"""

import fcntl
import sqlite3
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from services.chassis.errors import InfrastructureError, InteropError

Row = tuple[Any, ...]

BUSY_SECONDS = 10.0
ROWS_AT_ONCE = 128
"""In one statement of SQLite's."""


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
    def insert(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """Adds rows to a table, as fast as the database can."""

    @abstractmethod
    def run_many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """Runs one statement for each of many rows."""

    @abstractmethod
    def stream(self, sql: str, values: Sequence[Any] = ()) -> Iterator[Row]:
        """As `run`, without holding all rows in memory: through a connection of its own, which nobody waits for."""

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
                self.run("COMMIT")
            except BaseException:
                with suppress(InteropError):
                    self.run("ROLLBACK")
                raise

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
                self._connection = self._reader()
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                self._connection = sqlite3.connect(
                    path, timeout=BUSY_SECONDS, check_same_thread=False, isolation_level=None
                )
                # Entries of some hundred bytes leave less of a large page empty.
                self._connection.execute("PRAGMA page_size = 16384")
                self._connection.execute("PRAGMA journal_mode = WAL")
                self._connection.execute("PRAGMA synchronous = FULL")
                self._connection.execute("PRAGMA wal_autocheckpoint = 1024")
                self._connection.execute(f"PRAGMA secure_delete = {'ON' if secure_delete else 'OFF'}")
        except (sqlite3.Error, OSError) as error:
            raise outage(path.name, error) from error

    def run(self, sql: str, values: Sequence[Any] = ()) -> list[Row]:
        """Runs one statement."""
        with self._turn:
            try:
                return list(self._connection.execute(sql, values))
            except sqlite3.Error as error:
                raise outage(self.path.name, error) from error

    def insert(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """Adds many rows a statement: a statement for each costs more than the row does."""
        names, row = ", ".join(columns), f"({', '.join('?' * len(columns))})"
        with self._turn:
            try:
                for at in range(0, len(rows), ROWS_AT_ONCE):
                    part = rows[at : at + ROWS_AT_ONCE]
                    # Of bytes, the driver first asks whether somebody adapts them; of a bytearray it does not.
                    values = [bytearray(each) if type(each) is bytes else each for line in part for each in line]
                    sql = f"INSERT INTO {table} ({names}) VALUES {', '.join([row] * len(part))}"  # noqa: S608
                    self._connection.execute(sql, values)
            except sqlite3.Error as error:
                raise outage(self.path.name, error) from error

    def run_many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """Runs one statement for each of many rows."""
        with self._turn:
            try:
                self._connection.executemany(sql, rows)
            except sqlite3.Error as error:
                raise outage(self.path.name, error) from error

    def stream(self, sql: str, values: Sequence[Any] = ()) -> Iterator[Row]:
        """Rows as they are read."""
        try:
            with closing(self._reader()) as connection:
                yield from connection.execute(sql, values)
        except sqlite3.Error as error:
            raise outage(self.path.name, error) from error

    def become_writer(self) -> None:
        """Locks a file beside the database; the system unlocks it when the process ends, however it ends."""
        try:
            lock = self.path.with_name(f"{self.path.name}.writer").open("wb")
        except OSError as error:
            raise outage(self.path.name, error) from error
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

    def _reader(self) -> sqlite3.Connection:
        address = f"{self.path.resolve().as_uri()}?mode=ro"
        return sqlite3.connect(address, timeout=BUSY_SECONDS, uri=True, check_same_thread=False, isolation_level=None)


def in_use(name: str) -> InteropError:
    """The error of a second writer."""
    return InteropError(
        "log-in-use", f"another process writes to the log in {name}, and a log has one writer; stop that one first"
    )


def outage(name: str, error: Exception) -> InfrastructureError:
    """The error of a database that cannot be used just now."""
    return InfrastructureError(f"the database of the log ({name}) cannot be used: {error}")
