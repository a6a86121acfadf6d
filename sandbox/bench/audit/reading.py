"""What a log of full size costs those who read it: proofs, files, the check of all of it, and its bytes on the disk."""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random
from statistics import median
from typing import Any

from sandbox.audit.export import OLDER, export, folder_reader
from sandbox.bench.audit.material import PROFILE
from services.audit.database import SqliteDatabase
from services.audit.log import LOG_FILE, Log, Published, StoredLog
from services.audit.tlog.merkle import consistency_proof, inclusion_proof
from services.audit.tlog.notes import Algorithm, Signer
from services.audit.tlog.policy import Policy
from services.audit.tlog.proofs import Proof, parse_proof
from services.audit.tlog.tiles import hash_reader
from services.audit.tlog.verify import verify_log
from services.chassis.errors import InteropError

SAMPLES = 1_000
REOPENED = 20
SEED = 6962

GO_VERIFIER = Path(__file__).resolve().parents[3] / "tests" / "foreign" / "go" / "verify.go"
GO_PATH = Path("/usr/share/gocode")
"""Where Debian's packages put their sources."""

MICRO, MILLI = 1e6, 1e3


@dataclass(frozen=True, slots=True)
class Desk:
    """A log's key, and two witnesses who sign whatever they are shown."""

    signer: Signer
    witnesses: tuple[Signer, ...]

    @classmethod
    def new(cls) -> "Desk":
        """Keys that nobody had before."""
        names = ("lawclinic.example/bench", "newspaper.example/bench")
        witnesses = tuple(Signer.new(name, Algorithm.COSIGNATURE_V1) for name in names)
        return cls(Signer.new("sandbox.example/bench", Algorithm.ED25519), witnesses)

    @property
    def policy(self) -> Policy:
        """Both witnesses must have signed."""
        return Policy(self.signer.verifier, tuple(each.verifier for each in self.witnesses), quorum=len(self.witnesses))

    def open_log(self, folder: Path) -> Log:
        """The log in a folder, for its only writer."""
        return Log(SqliteDatabase(folder / LOG_FILE), self.signer, PROFILE)

    def publish(self, log: Log) -> Published:
        """Publishes the log's head as it is."""
        head, note = log.head()
        now = int(time.time())
        lines = "".join(witness.sign(head.text, time=now) for witness in self.witnesses)
        published = Published(head.size, note + lines.encode(), {}, now)
        log.publish(published)
        return published


def storage(log: Log, path: Path) -> dict[str, Any]:
    """The bytes of a log's file, once the write-ahead log is in it, for each entry; by table where SQLite tells."""
    log.database.run("PRAGMA wal_checkpoint(TRUNCATE)")
    ((payload,),) = log.database.run("SELECT sum(length(body)) FROM log_entry")
    parts: dict[str, float] = {}
    if log.database.run("SELECT 1 FROM pragma_module_list WHERE name = 'dbstat'"):
        rows = log.database.run("SELECT name, sum(pgsize) FROM dbstat GROUP BY name")
        parts = {
            name: round(size / log.size, 2) for name, size in rows if name in {"log_entry", "log_mark", "log_tile"}
        }
    return {
        "file_bytes_per_entry": round(path.stat().st_size / log.size, 2),
        "payload_bytes_per_entry": round(payload / log.size, 2),
        "tables_bytes_per_entry": parts,
    }


def proofs(folder: Path, desk: Desk, published: Published) -> dict[str, Any]:
    """How long proofs take to make and to check, and the log to be opened again."""
    random = Random(SEED)
    size = published.size
    samples = min(SAMPLES, size)
    indexes = [random.randrange(size) for _ in range(samples)]

    olds = [random.randrange(1, size + 1) for _ in indexes]
    with closing(_reader(folder)) as log:
        warm = [_inclusion(log, index, size) for index in indexes]
        consistency = [_seconds(partial(consistency_proof, old, size, hash_reader(log.tile))) for old in olds]
        verified = [_verified(log, index, published, desk.policy) for index in indexes]
    return {
        "inclusion_proof_us": {"cold": _spread(_cold(folder, index, size) for index in indexes), "warm": _spread(warm)},
        "consistency_proof_us": _spread(consistency),
        "verify_proof_us": _spread(verified),
        "reopen_ms": round(median(_reopened(folder, desk) for _ in range(REOPENED)) * MILLI, 2),
        "proofs": samples,
    }


def files(folder: Path, desk: Desk, published: Published) -> dict[str, Any]:
    """How long it takes to write the log as files, and to check all of it from them, here and in Go."""
    target = folder / "export"
    with closing(_reader(folder)) as log:
        exported = _seconds(lambda: export(log, published, desk.policy, target, lambda _, __: None))
    read = folder_reader(target)
    older = desk.policy.open(read(OLDER) or b"")
    verified = _seconds(lambda: verify_log(read, desk.policy, older))
    in_go = _in_go(target, folder / "go")
    count = sum(len(names) for _, _, names in os.walk(target))
    shutil.rmtree(target)
    return {
        "export_seconds": round(exported, 2),
        "export_files": count,
        "verify_seconds": round(verified, 2),
        "go_verify_seconds": in_go,
    }


def _reader(folder: Path) -> StoredLog:
    return StoredLog(SqliteDatabase(folder / LOG_FILE, read_only=True))


def _inclusion(log: StoredLog, index: int, size: int) -> float:
    return _seconds(lambda: inclusion_proof(index, size, hash_reader(log.tile)))


def _cold(folder: Path, index: int, size: int) -> float:
    """The first question after the log was opened: nothing of it is in this process's memory."""
    with closing(_reader(folder)) as log:
        return _inclusion(log, index, size)


def _verified(log: StoredLog, index: int, published: Published, policy: Policy) -> float:
    (entry,) = log.entries(index, 1)
    path = inclusion_proof(index, published.size, hash_reader(log.tile))
    text = Proof(index, tuple(path), published.note).text.encode()
    return _seconds(lambda: parse_proof(text).verify(entry, policy))


def _reopened(folder: Path, desk: Desk) -> float:
    began = time.perf_counter()
    log = desk.open_log(folder)
    seconds = time.perf_counter() - began
    log.close()
    return seconds


def _in_go(exported: Path, cache: Path) -> float | None:
    """What Go's checksum database takes for the same, by its own clock; None where it is not installed.

    Raises:
        InteropError: `bench-differs`, when Go refuses the log.
    """
    sources = GO_PATH / "src" / "golang.org" / "x" / "mod" / "sumdb" / "tlog"
    if shutil.which("go") is None or not sources.is_dir() or not GO_VERIFIER.is_file():
        return None
    settings = {"GO111MODULE": "off", "GOPATH": str(GO_PATH), "GOCACHE": str(cache.resolve()), "GOFLAGS": ""}
    command = ["go", "run", str(GO_VERIFIER), str(exported)]
    done = subprocess.run(command, env=os.environ | settings, check=False, capture_output=True, text=True)
    if done.returncode:
        raise InteropError("bench-differs", f"Go does not accept the exported log: {done.stderr.strip()[-300:]}")
    return float(json.loads(done.stdout)["seconds"])


def _spread(seconds: Iterable[float]) -> dict[str, float]:
    ordered = sorted(seconds)
    return {
        "median": round(median(ordered) * MICRO, 1),
        "p99": round(ordered[len(ordered) * 99 // 100] * MICRO, 1),
    }


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
