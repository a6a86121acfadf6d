"""A log in PostgreSQL, by its URL. Apart from database.py, because its driver takes a while to import."""

import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, cast

import psycopg

from services.audit.database import Database, Row, in_use, outage

_WRITER_LOCK = 0x7E1E_106
"""The number of the advisory lock that the only writer holds."""

_LOCK_TRIES = 20
_LOCK_PAUSE = 0.1


class PostgresDatabase(Database):
    """A PostgreSQL database. A connection that breaks is an outage; the process that wrote through it ends."""

    blob = "BYTEA"
    key = "BIGINT"

    def __init__(self, url: str) -> None:
        super().__init__()
        self._url = url
        try:
            self._connection = psycopg.connect(url, autocommit=True)
        except psycopg.Error as error:
            raise outage("PostgreSQL", error) from error

    def run(self, sql: str, values: Sequence[Any] = ()) -> list[Row]:
        """Runs one statement."""
        with self._turn:
            try:
                cursor = self._connection.execute(_psycopg(sql), values or None)
                return cursor.fetchall() if cursor.description else []
            except psycopg.Error as error:
                raise outage("PostgreSQL", error) from error

    def insert(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        """Adds rows in one stream of them (COPY)."""
        with self._turn:
            try:
                with (
                    self._connection.cursor() as cursor,
                    cursor.copy(_psycopg(f"COPY {table} ({', '.join(columns)}) FROM STDIN")) as copy,
                ):
                    for row in rows:
                        copy.write_row(row)
            except psycopg.Error as error:
                raise outage("PostgreSQL", error) from error

    def run_many(self, sql: str, rows: Iterable[Sequence[Any]]) -> None:
        """Runs one statement for each of many rows."""
        with self._turn:
            try:
                with self._connection.cursor() as cursor:
                    cursor.executemany(_psycopg(sql), rows)
            except psycopg.Error as error:
                raise outage("PostgreSQL", error) from error

    def stream(self, sql: str, values: Sequence[Any] = ()) -> Iterator[Row]:
        """Rows as they are read, through a cursor of the server's."""
        try:
            with psycopg.connect(self._url) as connection, connection.cursor(name="reading") as cursor:
                cursor.itersize = 5_000
                yield from cast(Iterator[Row], cursor.execute(_psycopg(sql), values or None))
        except psycopg.Error as error:
            raise outage("PostgreSQL", error) from error

    def become_writer(self) -> None:
        """Takes an advisory lock, which the server gives back when the connection ends, however it ends.

        The server notices that a moment later than whoever ended it, so this is tried for a while.
        """
        for _ in range(_LOCK_TRIES):
            if self.run("SELECT pg_try_advisory_lock(?)", (_WRITER_LOCK,)) == [(True,)]:
                return
            time.sleep(_LOCK_PAUSE)
        raise in_use("PostgreSQL")

    def close(self) -> None:
        """Closes the connection."""
        with self._turn:
            self._connection.close()


def _psycopg(sql: str) -> Any:
    return sql.replace("?", "%s")
