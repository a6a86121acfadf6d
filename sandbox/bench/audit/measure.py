"""Measures all of it: the log is built beside bare inserts, read, appended to further; and the ledger is measured."""

import os
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sandbox.bench.audit.appending import Bare, Rate, append_round
from sandbox.bench.audit.keeping import Services, measure_keeping
from sandbox.bench.audit.material import appends
from sandbox.bench.audit.reading import Desk, files, proofs, storage
from sandbox.bench.goals import Goal
from sandbox.stack import ROOT
from services.audit.log import LOG_FILE

BATCH = 256
ROUNDS = 20
OTHER_ROUNDS = 5
OTHER_COMMITS: Mapping[int, int] = {1: 200, 16: 100, 1_024: 20}
"""Batches of other sizes, and how many of them make a round."""

Tell = Callable[[str], None]

GOALS: Mapping[str, Goal] = {
    "ratio_bare_sqlite": Goal("at_least", 0.5),
    "storage_over_payload_bytes": Goal("at_most", 64),
    "keep_over_pipeline": Goal("at_least", 2),
    "verify_seconds": Goal("at_most", 10),
}
"""For a million entries."""


def measure(entries: int, services: Services, tell: Tell, root: Path = ROOT) -> dict[str, Any]:
    """Measures a log of `entries` entries (or a few more), and the ledger beside `services`."""
    home = root / "bench"
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    with TemporaryDirectory(dir=home) as path:
        folder = Path(path)
        desk = Desk.new()
        pace = measure_keeping(folder, desk, services, tell)
        told = _measure_log(entries, folder, desk, tell)
    told["keep"] = pace.as_json()
    told["keep_over_pipeline"] = told["keep"]["ratio"]
    return {
        **told,
        "goals": {name: goal.as_json(told[name]) for name, goal in GOALS.items()},
        "sqlite": sqlite3.sqlite_version,
        "processors": os.cpu_count(),
    }


def _measure_log(entries: int, folder: Path, desk: Desk, tell: Tell) -> dict[str, Any]:
    tell("a run, for its disclosures")
    source = appends(entries)
    main, others = Rate(BATCH), [Rate(size) for size in OTHER_COMMITS]
    with closing(Bare(folder / "bare.sqlite")) as bare:
        with closing(desk.open_log(folder)) as log:
            while log.size < entries:
                tell(f"batches of {BATCH}: {log.size:,} of {entries:,} entries")
                append_round(log, bare, source, -(-entries // (ROUNDS * BATCH)), main)
                published = desk.publish(log)
            stored = storage(log, folder / LOG_FILE)
        tell("proofs")
        proved = proofs(folder, desk, published)
        tell("the log as files")
        filed = files(folder, desk, published)
        with closing(desk.open_log(folder)) as log:
            for rate in others:
                commits = min(OTHER_COMMITS[rate.batch], -(-entries // (ROUNDS * rate.batch)))
                for number in range(OTHER_ROUNDS):
                    tell(f"batches of {rate.batch}: round {number + 1} of {OTHER_ROUNDS}")
                    append_round(log, bare, source, commits, rate)
    rates = sorted((main, *others), key=lambda rate: rate.batch)
    return {
        "entries": published.size,
        "ratio_bare_sqlite": round(main.ratio, 3),
        "appends": [rate.as_json() for rate in rates],
        "storage_over_payload_bytes": round(stored["file_bytes_per_entry"] - stored["payload_bytes_per_entry"], 2),
        "storage": stored,
        **proved,
        **filed,
    }
