"""Appends to the log beside bare inserts of the same bytes, in rounds that take turns."""

import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from statistics import median
from typing import Any

from sandbox.bench.audit.material import Batch, batches
from services.audit.log import Append, Log


class Bare:
    """The bytes of the entries in SQLite, and nothing else; a commit has reached the disk when it returns."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = FULL")
        self._connection.execute("CREATE TABLE entry (number INTEGER PRIMARY KEY, body BLOB NOT NULL)")

    def append(self, entries: Sequence[bytes]) -> None:
        """Adds entries, in one transaction."""
        self._connection.execute("BEGIN IMMEDIATE")
        self._connection.executemany("INSERT INTO entry (body) VALUES (?)", [(entry,) for entry in entries])
        self._connection.execute("COMMIT")

    def close(self) -> None:
        """Closes the file."""
        self._connection.close()


@dataclass(slots=True)
class Rate:
    """Entries a second in batches of one size, round by round."""

    batch: int
    log: list[float] = field(default_factory=list)
    bare: list[float] = field(default_factory=list)

    @property
    def ratio(self) -> float:
        """How fast the log is, where bare inserts are 1."""
        return median(self.log) / median(self.bare)

    def as_json(self) -> dict[str, Any]:
        """The medians, their ratio, and every round."""
        return {
            "batch": self.batch,
            "log_per_s": round(median(self.log)),
            "bare_per_s": round(median(self.bare)),
            "ratio": round(self.ratio, 3),
            "rounds": {"log": [round(each) for each in self.log], "bare": [round(each) for each in self.bare]},
        }


def append_round(log: Log, bare: Bare, source: Iterator[Append], commits: int, rate: Rate) -> None:
    """One round: so many commits to the one, then the same to the other; who is first changes from round to round."""
    together = list(islice(batches(source, rate.batch), commits))
    entries = [[entry for append in batch for entry in append.entries] for batch in together]
    count = sum(map(len, entries))
    ways: list[tuple[list[float], Callable[[], None]]] = [
        (rate.log, partial(_each, log.append, together)),
        (rate.bare, partial(_each, bare.append, entries)),
    ]
    for rates, work in ways if len(rate.log) % 2 else reversed(ways):
        began = time.perf_counter()
        work()
        rates.append(count / (time.perf_counter() - began))


def _each(append: Callable[[Any], None], together: Sequence[Batch | list[bytes]]) -> None:
    for batch in together:
        append(batch)
