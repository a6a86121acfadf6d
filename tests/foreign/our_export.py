"""An export that the project's own code writes: a log in SQLite, its files, its policy and its proofs."""

import json
from datetime import UTC, datetime
from pathlib import Path

from services.audit.database import SqliteDatabase
from services.audit.log import Append, Log, Position, Published, event_key
from services.audit.tlog.checkpoint import Checkpoint
from services.audit.tlog.merkle import inclusion_proof
from services.audit.tlog.notes import Algorithm, Signer
from services.audit.tlog.policy import Policy
from services.audit.tlog.proofs import Proof
from services.audit.tlog.tiles import Tile, hash_reader, tiles_of, width_of
from tests.foreign.export import LOG, SIGNED_AT, WITNESSES, Export

_LOG = Signer.from_seed(LOG.name, Algorithm.ED25519, LOG.seed)
_WITNESSES = tuple(Signer.from_seed(each.name, Algorithm.COSIGNATURE_V1, each.seed) for each in WITNESSES)
_POLICY = Policy(_LOG.verifier, tuple(each.verifier for each in _WITNESSES), len(_WITNESSES))


def make(folder: Path, entries: int) -> Export:
    """Logged in two steps, so that the older checkpoint is one that the log has really had."""
    logged = [json.dumps({"kind": "share", "number": number, "to": "ice"}).encode() for number in range(entries)]
    log = Log(SqliteDatabase(folder / "kept" / "log.sqlite"), _LOG, "open")
    older = max(1, entries * 2 // 3)
    _append(log, logged[:older])
    (folder / "checkpoint.older").write_bytes(_cosigned(log.head()[0]))
    _append(log, logged[older:])
    head = log.head()[0]
    published = Published(head.size, _cosigned(head), {}, SIGNED_AT)
    paths = [tile.path for tile in tiles_of(head.size)]
    files = {path: log.read_file(path, published) for path in ["checkpoint", *paths]}
    log.close()

    for path, data in files.items():
        assert data is not None
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    (folder / "policy").write_text(_POLICY.text, encoding="utf-8")

    def prove(index: int) -> str:
        path = inclusion_proof(index, head.size, hash_reader(lambda level, number: _tile(folder, level, number)))
        return Proof(index, tuple(path), published.note).text

    return Export(folder, logged, prove, lambda size, root: _cosigned(Checkpoint(LOG.name, size, root)).decode())


def _append(log: Log, entries: list[bytes]) -> None:
    number = log.size
    key = event_key("foreign", datetime(2015, 3, 1, tzinfo=UTC), f"the event before entry {number}")
    log.append([Append(key, Position("booking.recorded.v1", number, 0), tuple(entries))])


def _cosigned(checkpoint: Checkpoint) -> bytes:
    text = checkpoint.text
    return (text + "\n" + "".join(each.sign(text, time=SIGNED_AT) for each in (_LOG, *_WITNESSES))).encode()


def _tile(folder: Path, level: int, number: int) -> bytes:
    size = int((folder / "checkpoint").read_text(encoding="utf-8").splitlines()[1])
    return (folder / Tile(level, number, width_of(level, number, size)).path).read_bytes()
