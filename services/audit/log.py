"""The log as it is stored: entries, tiles, the signed head, what was published of it, and the marks of the events.

An append is one transaction: entries, tiles, the new head and the mark of every consumed event, or nothing. A log that
does not fit together is not opened: it is evidence, and to repair it would be to forge it.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import Any, NewType

from services.audit.database import Database, Row, SqliteDatabase
from services.audit.tlog.checkpoint import Checkpoint, parse_checkpoint
from services.audit.tlog.merkle import HASH_BYTES, Frontier, leaf_hash
from services.audit.tlog.notes import Signer, to_base64
from services.audit.tlog.tiles import (
    CHECKPOINT,
    HEIGHT,
    LARGEST_ENTRY,
    WIDTH,
    hash_reader,
    pack_bundle,
    parse_path,
    width_of,
)
from services.chassis.errors import InteropError

LOG_FILE = "log.sqlite"

_RUN_BYTES = 2
_DAY_BYTES = 3
_UUID_BYTES = 16
_OTHER_ID = bytes(_UUID_BYTES + 1)
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_LEVELS = 48
"""A tile is kept under `level << 48 | number`; those of level 0 are the hashes beside the entries."""

_TABLES = """
CREATE TABLE IF NOT EXISTS log_entry (number {key} PRIMARY KEY, hash {blob} NOT NULL, body {blob} NOT NULL);
CREATE TABLE IF NOT EXISTS log_tile (place {key} PRIMARY KEY, hashes {blob} NOT NULL);
CREATE TABLE IF NOT EXISTS log_head (one INTEGER PRIMARY KEY, size BIGINT NOT NULL, note {blob} NOT NULL);
CREATE TABLE IF NOT EXISTS log_about (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS log_mark (
    event {blob} PRIMARY KEY, stream INTEGER NOT NULL, ms BIGINT NOT NULL, seq BIGINT NOT NULL,
    first BIGINT NOT NULL, count INTEGER NOT NULL, expunged INTEGER NOT NULL DEFAULT 0
){keyed};
CREATE TABLE IF NOT EXISTS log_stream (number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE IF NOT EXISTS log_published (
    size {key} PRIMARY KEY, note {blob} NOT NULL, covered TEXT NOT NULL, at DOUBLE PRECISION NOT NULL
);
CREATE TABLE IF NOT EXISTS log_cursor (name TEXT PRIMARY KEY, size BIGINT NOT NULL);
"""
_MARKS = """
SELECT event, name, ms, seq, first, count, expunged FROM log_mark JOIN log_stream ON number = stream
"""


EventKey = NewType("EventKey", bytes)
"""Under what the mark of an event is found: its run and its day, then its id.

Ids are hashes, spread over the whole table; with run and day before them, marks that are written together stand
together, and a commit rewrites a few pages instead of one for each event. The id alone tells events apart.
"""


def event_key(runid: str, time: datetime, event_id: str) -> EventKey:
    """The key of an event."""
    day = time.astimezone(UTC).toordinal().to_bytes(_DAY_BYTES, "big")
    return EventKey(_run_key(runid) + day + _event_bytes(event_id))


@dataclass(frozen=True, slots=True)
class Position:
    """Where an event stood: its stream, and the two numbers of its entry there."""

    stream: str
    ms: int
    seq: int

    @classmethod
    def of(cls, stream: str, entry_id: str) -> "Position":
        """The position of an entry, by its id."""
        ms, _, seq = entry_id.partition("-")
        return cls(stream, int(ms), int(seq))

    @property
    def entry_id(self) -> str:
        """The entry's id, as Redis writes it."""
        return f"{self.ms}-{self.seq}"


@dataclass(frozen=True, slots=True)
class Mark:
    """Which entries of the log one event made, and where the event stood."""

    event_id: str
    position: Position
    first: int
    count: int
    expunged: bool = False


@dataclass(frozen=True, slots=True)
class Append:
    """What one event adds to the log."""

    key: EventKey
    position: Position
    entries: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Published:
    """A checkpoint as the public sees it, with its cosignatures.

    `covered` says, for each stream, up to which of its entries everything is in the log. `at` is in seconds since 1970.
    """

    size: int
    note: bytes
    covered: Mapping[str, str]
    at: float

    @property
    def checkpoint(self) -> Checkpoint:
        """What the note says."""
        return parse_checkpoint(self.note)[0]

    def told(self) -> dict[str, Any]:
        """The checkpoint as reports print it."""
        head = self.checkpoint
        at = datetime.fromtimestamp(self.at, UTC).isoformat(timespec="seconds")
        return {"origin": head.origin, "size": head.size, "root": to_base64(head.root), "published_at": at}


class StoredLog:
    """Reads a stored log, also while audit writes to it."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def head(self) -> tuple[Checkpoint, bytes]:
        """The newest head, and the note in which the log alone has signed it."""
        ((_, note),) = self.database.run("SELECT size, note FROM log_head")
        return parse_checkpoint(bytes(note))[0], bytes(note)

    def about(self) -> dict[str, str]:
        """What the log says of itself: `key` (as a vkey), `profile`."""
        return {name: value for name, value in self.database.run("SELECT name, value FROM log_about")}  # noqa: C416

    def entries(self, first: int, count: int) -> list[bytes]:
        """Entries, by their place."""
        rows = self.database.run(
            "SELECT body FROM log_entry WHERE number >= ? AND number < ? ORDER BY number", (first, first + count)
        )
        return [bytes(body) for (body,) in rows]

    def tile(self, level: int, number: int) -> bytes:
        """The hashes that a tile has now, one after the other; empty when there is none."""
        if level == 0:
            first = number * WIDTH
            sql = "SELECT hash FROM log_entry WHERE number >= ? AND number < ? ORDER BY number"
            return b"".join(bytes(each) for (each,) in self.database.run(sql, (first, first + WIDTH)))
        rows = self.database.run("SELECT hashes FROM log_tile WHERE place = ?", (level << _LEVELS | number,))
        return bytes(rows[0][0]) if rows else b""

    def published(self, size: int | None = None) -> Published | None:
        """The newest checkpoint that was published, or the one of a size."""
        where, values = ("", ()) if size is None else ("WHERE size = ?", (size,))
        rows = self.database.run(
            f"SELECT size, note, covered, at FROM log_published {where} ORDER BY size DESC LIMIT 1",  # noqa: S608
            values,
        )
        return _published(rows[0]) if rows else None

    def published_before(self, size: int) -> Published | None:
        """The newest checkpoint that was published of a smaller tree."""
        rows = self.database.run(
            "SELECT size, note, covered, at FROM log_published WHERE size < ? ORDER BY size DESC LIMIT 1", (size,)
        )
        return _published(rows[0]) if rows else None

    def published_after(self, size: int) -> list[Published]:
        """The checkpoints that were published of larger trees, smallest first."""
        rows = self.database.run(
            "SELECT size, note, covered, at FROM log_published WHERE size > ? ORDER BY size", (size,)
        )
        return [_published(row) for row in rows]

    def cursor(self, name: str) -> int:
        """How far somebody has come who reads what was published: a size."""
        rows = self.database.run("SELECT size FROM log_cursor WHERE name = ?", (name,))
        return int(rows[0][0]) if rows else 0

    def marks(self) -> Iterator[Mark]:
        """The marks of all events, in the order of their entries."""
        return map(_mark, self.database.stream(f"{_MARKS} ORDER BY first"))

    def mark_of(self, key: EventKey) -> Mark | None:
        """The mark of an event, if it has one."""
        rows = self.database.run(f"{_MARKS} WHERE event = ?", (key,))
        return _mark(rows[0]) if rows else None

    def marks_of(self, keys: Sequence[EventKey]) -> dict[EventKey, Mark]:
        """The marks of those of these events that have one."""
        found: dict[EventKey, Mark] = {}
        for at in range(0, len(keys), WIDTH):
            some = keys[at : at + WIDTH]
            places = ", ".join("?" for _ in some)
            for row in self.database.run(f"{_MARKS} WHERE event IN ({places})", some):
                found[EventKey(bytes(row[0]))] = _mark(row)
        return found

    def count_before(self, stream: str, ms: int, seq: int) -> int:
        """How many entries the events made, without those expunged, that stood before an entry of a stream."""
        ((count,),) = self.database.run(
            "SELECT sum(count) FROM log_mark JOIN log_stream ON number = stream"
            " WHERE name = ? AND expunged = 0 AND (ms < ? OR (ms = ? AND seq < ?))",
            (stream, ms, ms, seq),
        )
        return int(count or 0)

    def count_expunged(self) -> int:
        """How many entries are of people whose records were expunged, or say that some were."""
        ((count,),) = self.database.run("SELECT sum(count) FROM log_mark WHERE expunged = 1")
        return int(count or 0)

    def read_file(self, path: str, published: Published) -> bytes | None:
        """A file of the log as it was when `published` was: what a server answers, and what an export writes."""
        if path == CHECKPOINT:
            return published.note
        tile = parse_path(path)
        if tile is None or tile.width > width_of(tile.level, tile.number, published.size):
            return None
        if tile.level is None:
            return pack_bundle(self.entries(tile.number * WIDTH, tile.width))
        return self.tile(tile.level, tile.number)[: tile.width * HASH_BYTES]

    def close(self) -> None:
        """Closes the database."""
        self.database.close()


class Log(StoredLog):
    """The only writer of a stored log."""

    def __init__(self, database: Database, signer: Signer, profile: str) -> None:
        """Opens the log, or begins one.

        Raises:
            InteropError: `log-in-use`; `log-key-changed`, `log-profile-changed`; `log-altered`, when the head, the
                tiles and the entries do not fit together.
        """
        super().__init__(database)
        self.signer = signer
        database.become_writer()
        keyed = " WITHOUT ROWID" if isinstance(database, SqliteDatabase) else ""
        with database.transaction():
            for table in _TABLES.format(blob=database.blob, key=database.key, keyed=keyed).split(";"):
                if table.strip():
                    database.run(table)
        if not self.about() and not database.run("SELECT size FROM log_head"):
            self._begin(profile)
        self._check_about(profile)
        self._frontier = self._checked_frontier()
        self._streams: dict[str, int] = {
            name: number for number, name in database.run("SELECT number, name FROM log_stream")
        }

    @property
    def size(self) -> int:
        """How many entries there are."""
        return self._frontier.size

    def append(self, appends: Sequence[Append]) -> None:
        """Adds the entries of some events, none of which has a mark yet, durably, with their marks.

        Raises:
            InteropError: `entry-too-large`, `log-altered` (somebody else has written here).
            InfrastructureError: the database cannot be written just now.
        """
        entries = [entry for append in appends for entry in append.entries]
        if any(len(entry) > LARGEST_ENTRY for entry in entries):
            raise InteropError("entry-too-large", f"an entry of the log has at most {LARGEST_ENTRY} bytes")
        with self._grown() as frontier:
            self._write_entries(frontier, entries)
            self._write_marks(appends)

    def mark_expunged(self, keys: Sequence[EventKey], act: Append) -> None:
        """Adds the entry of an expunction, and notes at the marks of its events that they are expunged, as one."""
        with self._grown() as frontier:
            self._write_entries(frontier, act.entries)
            self._write_marks([act])
            self.database.run_many(
                "UPDATE log_mark SET expunged = 1 WHERE event = ?", [(key,) for key in (*keys, act.key)]
            )

    def publish(self, published: Published) -> None:
        """Keeps a checkpoint that the witnesses have cosigned: from now on it is what the public sees."""
        covered = json.dumps(published.covered, sort_keys=True)
        with self.database.transaction():
            self.database.run(
                "INSERT INTO log_published (size, note, covered, at) VALUES (?, ?, ?, ?) ON CONFLICT (size) DO NOTHING",
                (published.size, published.note, covered, published.at),
            )

    def move_cursor(self, name: str, size: int) -> None:
        """Notes how far somebody has come."""
        with self.database.transaction():
            self.database.run(
                "INSERT INTO log_cursor (name, size) VALUES (?, ?)"
                " ON CONFLICT (name) DO UPDATE SET size = excluded.size",
                (name, size),
            )

    def note(self, name: str, value: str) -> None:
        """Keeps something that the log says of itself, unless it says it already."""
        with self.database.transaction():
            self.database.run(
                "INSERT INTO log_about (name, value) VALUES (?, ?) ON CONFLICT (name) DO NOTHING", (name, value)
            )

    def _begin(self, profile: str) -> None:
        frontier = Frontier()
        with self.database.transaction():
            about = [("key", self.signer.verifier.vkey), ("profile", profile)]
            self.database.run_many("INSERT INTO log_about (name, value) VALUES (?, ?)", about)
            self.database.run("INSERT INTO log_head (one, size, note) VALUES (1, 0, ?)", (self._sign(frontier),))

    def _check_about(self, profile: str) -> None:
        about = self.about()
        if not {"key", "profile"} <= about.keys():
            raise _altered("it does not say whose it is")
        if about["key"] != self.signer.verifier.vkey:
            raise InteropError(
                "log-key-changed",
                f"this log was begun with the key {about['key']}, and the key at hand is another; bring back its key",
            )
        if about["profile"] != profile:
            raise InteropError(
                "log-profile-changed",
                f"this log has the profile '{about['profile']}', and keeps it: set INTEROP_LOG_PROFILE to that",
            )

    def _checked_frontier(self) -> Frontier:
        head = self._checked_head()
        ((last,),) = self.database.run("SELECT max(number) FROM log_entry")
        stored = 0 if last is None else last + 1
        if stored != head.size:
            raise _altered(f"it has {stored} entries, and its signed head says {head.size}")
        newest = self.published()
        if newest is not None and newest.size > head.size:
            raise _altered(f"its head has {head.size} entries, and one of {newest.size} was published")
        frontier = Frontier.of(head.size, hash_reader(self.tile))
        if frontier.root != head.root:
            raise _altered("its tiles make another root than its signed head says")
        self._check_last_entries(head.size)
        return frontier

    def _checked_head(self) -> Checkpoint:
        rows = self.database.run("SELECT size, note FROM log_head")
        if not rows:
            raise _altered("it has no head")
        size, note = rows[0]
        try:
            head, signed = parse_checkpoint(bytes(note))
            known = signed.signed_by([self.signer.verifier])
        except InteropError as error:
            raise _altered(f"its head cannot be believed ({error.sentence})") from error
        if not known:
            raise _altered("its head is not signed with its key")
        if size != head.size:
            raise _altered(f"its head is kept under the size {size}, and says {head.size}")
        return head

    def _check_last_entries(self, size: int) -> None:
        number = max(size - 1, 0) // WIDTH
        width = width_of(0, number, size)
        hashes = b"".join(leaf_hash(entry) for entry in self.entries(number * WIDTH, width))
        if hashes != self.tile(0, number):
            raise _altered(f"the entries from {number * WIDTH} on are not those that its tiles vouch for")

    @contextmanager
    def _grown(self) -> Iterator[Frontier]:
        """All of what the block writes, and the head of the tree that it grows; or nothing of it, and as before."""
        frontier, streams = self._frontier.copy(), dict(self._streams)
        try:
            with self.database.transaction():
                yield frontier
                self._write_head(frontier)
        except BaseException:
            self._streams = streams
            raise
        self._frontier = frontier

    def _write_entries(self, frontier: Frontier, entries: Sequence[bytes]) -> None:
        first = frontier.size
        leaves = [leaf_hash(entry) for entry in entries]
        tiles: dict[tuple[int, int], bytes] = {}
        for level, index, hashes in frontier.extend(leaves):
            tile_level, within = divmod(level, HEIGHT)
            if tile_level > 0 and within == 0:
                for number, part in _by_tile(index, hashes):
                    before = self.tile(tile_level, number) if number == index // WIDTH and index % WIDTH else b""
                    tiles[tile_level, number] = before + b"".join(part)
        rows = list(zip(range(first, frontier.size), leaves, entries, strict=True))
        self.database.insert("log_entry", ("number", "hash", "body"), rows)
        self.database.run_many(
            "INSERT INTO log_tile (place, hashes) VALUES (?, ?)"
            " ON CONFLICT (place) DO UPDATE SET hashes = excluded.hashes",
            [(level << _LEVELS | number, hashes) for (level, number), hashes in tiles.items()],
        )

    def _write_marks(self, appends: Sequence[Append]) -> None:
        rows: list[Row] = []
        first = self.size
        for append in appends:
            key, position = append.key, append.position
            stream = self._stream_number(position.stream)
            count = len(append.entries)
            rows.append((key, stream, position.ms, position.seq, first, count))
            first += count
        self.database.insert("log_mark", ("event", "stream", "ms", "seq", "first", "count"), rows)

    def _stream_number(self, name: str) -> int:
        if name not in self._streams:
            self.database.run("INSERT INTO log_stream (number, name) VALUES (?, ?)", (len(self._streams) + 1, name))
            self._streams[name] = len(self._streams) + 1
        return self._streams[name]

    def _write_head(self, frontier: Frontier) -> None:
        # The old size is named so that two writers, should a lock ever fail, cannot both succeed.
        written = self.database.run(
            "UPDATE log_head SET size = ?, note = ? WHERE size = ? RETURNING size",
            (frontier.size, self._sign(frontier), self.size),
        )
        if not written:
            raise _altered("somebody else has written to it")

    def _sign(self, frontier: Frontier) -> bytes:
        text = Checkpoint(self.signer.name, frontier.size, frontier.root).text
        return f"{text}\n{self.signer.sign(text)}".encode()


def open_database(url: str | None, state_dir: Path, *, read_only: bool = False) -> Database:
    """The database of a log: PostgreSQL where a URL names it, else a file in the state directory.

    Raises:
        InteropError: `no-log`, when there is nothing to read.
    """
    if url is not None:
        from services.audit.postgres import PostgresDatabase  # noqa: PLC0415  the driver takes a while

        return PostgresDatabase(url)
    path = state_dir / LOG_FILE
    if read_only and not path.exists():
        raise InteropError("no-log", f"there is no log in {state_dir}; run 'interop run SCENARIO' first")
    return SqliteDatabase(path, read_only=read_only)


def _by_tile(index: int, hashes: Sequence[bytes]) -> Iterator[tuple[int, Sequence[bytes]]]:
    """The hashes of one level from `index` on, tile by tile: (the tile's number, its share of them)."""
    at = 0
    while at < len(hashes):
        number, within = divmod(index + at, WIDTH)
        yield number, hashes[at : at + WIDTH - within]
        at += WIDTH - within


def _altered(what: str) -> InteropError:
    return InteropError(
        "log-altered",
        f"the stored log does not fit together: {what}. It is evidence and is not opened; see docs/runbook.md",
    )


def _published(row: Row) -> Published:
    size, note, covered, at = row
    return Published(size, bytes(note), json.loads(covered), at)


def _mark(row: Row) -> Mark:
    event, stream, ms, seq, first, count, expunged = row
    return Mark(
        _event_id(bytes(event)[_RUN_BYTES + _DAY_BYTES :]), Position(stream, ms, seq), first, count, bool(expunged)
    )


@lru_cache
def _run_key(runid: str) -> bytes:
    return blake2b(runid.encode(), digest_size=_RUN_BYTES).digest()


def _event_bytes(event_id: str) -> bytes:
    """The id of an event in as few bytes as it needs: an UUID has 16; others are kept as they are, and have more."""
    if _UUID.fullmatch(event_id):
        return bytes.fromhex(event_id.replace("-", ""))
    return _OTHER_ID + event_id.encode()


def _event_id(key: bytes) -> str:
    if len(key) != _UUID_BYTES:
        return key[len(_OTHER_ID) :].decode()
    text = key.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
