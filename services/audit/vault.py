"""The vault: what the log only commits to, sealed under a key for each subject, so that it can be forgotten.

Deleting a subject's key makes every record of theirs unreadable at once, here and in every copy of the sealed rows,
while the log stays as it is. The file is SQLite with `secure_delete`: what is deleted is overwritten.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hmac import digest
from mmap import ACCESS_READ, mmap
from pathlib import Path
from secrets import token_bytes
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from services.audit.database import SqliteDatabase
from services.audit.domain import Row, row_of
from services.audit.log import EventKey, Position
from services.chassis.errors import InfrastructureError, InteropError

VAULT_FILE = "vault.sqlite"

_KEY_BYTES = 32
_NONCE_BYTES = 12
_NAMES_AT_ONCE = 256
_TABLES = (
    "CREATE TABLE IF NOT EXISTS subject (number INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE,"
    " secret BLOB NOT NULL, expunging BLOB)",
    "CREATE TABLE IF NOT EXISTS share (subject INTEGER NOT NULL, event BLOB NOT NULL, hop INTEGER NOT NULL,"
    " sealed BLOB NOT NULL, PRIMARY KEY (subject, event, hop))",
    "CREATE TABLE IF NOT EXISTS trace (subject INTEGER NOT NULL, event BLOB NOT NULL, event_id TEXT NOT NULL,"
    " runid TEXT NOT NULL, tcn TEXT NOT NULL, stream TEXT NOT NULL, ms INTEGER NOT NULL, seq INTEGER NOT NULL,"
    " PRIMARY KEY (subject, event, stream, ms, seq)) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS owed (stream TEXT NOT NULL, ms INTEGER NOT NULL, seq INTEGER NOT NULL,"
    " PRIMARY KEY (stream, ms, seq)) WITHOUT ROWID",
    "CREATE TABLE IF NOT EXISTS unscrubbed (one INTEGER PRIMARY KEY)",
)


@dataclass(frozen=True, slots=True)
class Trace:
    """That an event about a subject was seen, and where it stands: one for each place, if it stands in several."""

    key: EventKey
    event_id: str
    runid: str
    tcn: str
    position: Position


class Sealed(NamedTuple):
    """A disclosure as it is kept: its record, encrypted, and the commitment that goes into the log."""

    record: bytes
    commitment: bytes


@dataclass(frozen=True, slots=True)
class Secret:
    """A subject's key, which opens all of the subject's records."""

    number: int
    key: bytes

    def opening_key(self, row: Row) -> bytes:
        """The key that opens the commitment of one disclosure, and of no other: entries cannot be linked by it."""
        return self._opening_key(row.share_id)

    def commitment(self, row: Row) -> bytes:
        """Binds the record of a disclosure: `HMAC(HMAC(subject's key, "commit" || share), record)`."""
        return commitment(self.opening_key(row), row.record)

    def seal(self, row: Row) -> Sealed:
        """Encrypts the record of a disclosure (AES-256-GCM) under a key of its own, and commits to it."""
        share_id, record = row.share_id, row.record
        nonce = token_bytes(_NONCE_BYTES)
        return Sealed(
            record=nonce + self._cipher(share_id).encrypt(nonce, record, share_id),
            commitment=commitment(self._opening_key(share_id), record),
        )

    def unseal(self, share_id: bytes, sealed: bytes) -> Row:
        """The disclosure in a sealed record.

        Raises:
            InteropError: `record-altered`.
        """
        nonce, box = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        try:
            return row_of(self._cipher(share_id).decrypt(nonce, box, share_id))
        except InvalidTag as error:
            raise InteropError("record-altered", f"the sealed record {share_id.decode()} was altered") from error

    def _opening_key(self, share_id: bytes) -> bytes:
        return digest(self.key, b"commit" + share_id, "sha256")

    def _cipher(self, share_id: bytes) -> AESGCM:
        return AESGCM(digest(self.key, b"seal" + share_id, "sha256"))


def commitment(opening_key: bytes, record: bytes) -> bytes:
    """What the log holds of a record: nobody can tell the record from it, nor make it of another record."""
    return digest(opening_key, record, "sha256")


class Vault:
    """Keys and sealed records. Safe to use from several threads, and beside other processes that read."""

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        if read_only and not path.exists():
            raise InteropError("no-log", f"there is no vault in {path.parent}; run 'interop run SCENARIO' first")
        self.database = SqliteDatabase(path, read_only=read_only, secure_delete=True)
        if not read_only:
            with self.database.transaction():
                for table in _TABLES:
                    self.database.run(table)

    def secret(self, subject: str) -> Secret | None:
        """The key of a subject; None when nothing is known of them (any more)."""
        rows = self.database.run("SELECT number, secret FROM subject WHERE name = ?", (subject,))
        return Secret(rows[0][0], rows[0][1]) if rows else None

    def secrets(self, subjects: Iterable[str]) -> dict[str, Secret]:
        """The keys of some subjects, made for those who have none yet. Call within `database.transaction()`."""
        names = list(dict.fromkeys(subjects))
        found = self._secrets(names)
        new = [name for name in names if name not in found]
        self.database.run_many(
            "INSERT INTO subject (name, secret) VALUES (?, ?)", [(name, token_bytes(_KEY_BYTES)) for name in new]
        )
        return found | self._secrets(new)

    def _secrets(self, names: Sequence[str]) -> dict[str, Secret]:
        found: dict[str, Secret] = {}
        for at in range(0, len(names), _NAMES_AT_ONCE):
            some = names[at : at + _NAMES_AT_ONCE]
            rows = self.database.run(
                f"SELECT name, number, secret FROM subject WHERE name IN ({', '.join('?' for _ in some)})",  # noqa: S608
                some,
            )
            found |= {name: Secret(number, key) for name, number, key in rows}
        return found

    def keep(self, traces: Sequence[tuple[int, Trace]], shares: Sequence[tuple[int, EventKey, int, bytes]]) -> None:
        """Writes which events were seen and the sealed records, by subject number. Within a transaction.

        Records that are there already were sealed before a crash and not logged: what is logged now takes their place.
        """
        self.database.run_many(
            "INSERT OR REPLACE INTO trace (subject, event, event_id, runid, tcn, stream, ms, seq)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [
                (number, each.key, each.event_id, each.runid, each.tcn, *_columns(each.position))
                for number, each in traces
            ],
        )
        events = {(number, event) for number, event, _, _ in shares}
        self.database.run_many("DELETE FROM share WHERE subject = ? AND event = ?", events)
        self.database.insert("share", ("subject", "event", "hop", "sealed"), shares)

    def rows_about(self, subject: str) -> list[tuple[EventKey, Row]]:
        """The disclosures about a subject, opened, with the keys of their events; none when they were expunged."""
        secret = self.secret(subject)
        if secret is None:
            return []
        shares = self.database.run(
            "SELECT event, (SELECT event_id FROM trace WHERE subject = share.subject AND event = share.event),"
            " hop, sealed FROM share WHERE subject = ?",
            (secret.number,),
        )
        opened = [
            (EventKey(event), secret.unseal(f"{event_id}/{hop}".encode(), sealed))
            for event, event_id, hop, sealed in shares
        ]
        return sorted(opened, key=lambda pair: (pair[1].time, pair[1].event_id, pair[1].hop))

    def subjects(self) -> Iterator[str]:
        """The names of everybody of whom something is known."""
        return (name for (name,) in self.database.stream("SELECT name FROM subject ORDER BY number"))

    def traces(self, subject: str) -> list[Trace]:
        """The events about a subject that were seen."""
        rows = self.database.run(
            "SELECT event, event_id, runid, tcn, stream, ms, seq FROM trace"
            " JOIN subject ON number = subject WHERE name = ? ORDER BY ms, seq",
            (subject,),
        )
        return [Trace(EventKey(event), name, run, tcn, Position(*at)) for event, name, run, tcn, *at in rows]

    def begin_expunging(self, subject: str, act: bytes) -> bytes:
        """Notes that a subject is being expunged, by which act; the act that was begun before, if one was."""
        with self.database.transaction():
            self.database.run("UPDATE subject SET expunging = coalesce(expunging, ?) WHERE name = ?", (act, subject))
            ((begun,),) = self.database.run("SELECT expunging FROM subject WHERE name = ?", (subject,))
        return bytes(begun)

    def being_expunged(self) -> list[str]:
        """The subjects whose expunction was begun and not ended, because of a crash."""
        return [name for (name,) in self.database.run("SELECT name FROM subject WHERE expunging IS NOT NULL")]

    def forget(self, subject: str, owed: Iterable[Position]) -> None:
        """Deletes a subject's key and everything that is kept of them, from the file and from its journal.

        Args:
            subject: whose.
            owed: where events about them stand that cannot be removed yet; nothing else leads from there to them.

        Raises:
            InfrastructureError: somebody reads just now; `scrub` does the rest.
        """
        secret = self.secret(subject)
        with self.database.transaction():
            self.owe(owed)
            for table in ("share", "trace"):
                self.database.run(
                    f"DELETE FROM {table} WHERE subject = (SELECT number FROM subject WHERE name = ?)",  # noqa: S608
                    (subject,),
                )
            self.database.run("DELETE FROM subject WHERE name = ?", (subject,))
            self.database.run("INSERT OR IGNORE INTO unscrubbed (one) VALUES (1)")
        self.scrub([subject.encode(), *([secret.key] if secret else [])])

    def scrub(self, remains: Iterable[bytes] = ()) -> None:
        """Takes what was deleted out of the journal, and out of the file where it is still in it.

        SQLite overwrites what it deletes, but not always the copies that it made when it moved rows between pages.

        Args:
            remains: what must not be there; without it the whole file is written anew, unless there is nothing to do.

        Raises:
            InfrastructureError: somebody reads just now.
        """
        if not self.database.run("SELECT one FROM unscrubbed"):
            return
        self._clear_journal()
        if self._is_any_left(list(remains)):
            self.database.run("VACUUM")
            self._clear_journal()
        with self.database.transaction():
            self.database.run("DELETE FROM unscrubbed")

    def owe(self, positions: Iterable[Position]) -> None:
        """Notes entries of people who were expunged, which leave their streams once everybody has read them."""
        rows = map(_columns, positions)
        self.database.run_many("INSERT OR IGNORE INTO owed (stream, ms, seq) VALUES (?, ?, ?)", rows)

    def owed(self) -> set[Position]:
        """The entries that are still to leave their streams."""
        return {Position(*at) for at in self.database.run("SELECT stream, ms, seq FROM owed")}

    def settle(self, positions: Iterable[Position]) -> None:
        """Notes that entries have left their streams."""
        with self.database.transaction():
            self.database.run_many("DELETE FROM owed WHERE stream = ? AND ms = ? AND seq = ?", map(_columns, positions))

    def _clear_journal(self) -> None:
        """Takes old pages, and with them the key, out of the write-ahead log; waits a while for those who read."""
        ((busy, *_),) = self.database.run("PRAGMA wal_checkpoint(TRUNCATE)")
        if busy:
            raise InfrastructureError("the key is deleted, and somebody who reads keeps its page; expunge once more")

    def _is_any_left(self, remains: Sequence[bytes]) -> bool:
        with self.database.path.open("rb") as file, mmap(file.fileno(), 0, access=ACCESS_READ) as pages:
            return not remains or any(pages.find(each) >= 0 for each in remains)

    def close(self) -> None:
        """Closes the file."""
        self.database.close()


def _columns(position: Position) -> tuple[str, int, int]:
    return position.stream, position.ms, position.seq
