"""A disclosure as its subject or an auditor gets it: everything that is needed to check it without us."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import orjson

from services.audit.domain import Profile, Row, entry_of
from services.audit.ledger import Disclosed, LedgerReader
from services.audit.log import Published
from services.audit.tlog.policy import Policy
from services.audit.tlog.proofs import parse_proof
from services.audit.vault import commitment
from services.chassis.errors import InteropError

EXEMPT = "In the real program the person has no such account: ICE's system is exempt from giving one (73 FR 74637)."


def told(ledger: LedgerReader, disclosed: Disclosed, published: Published | None) -> dict[str, Any]:
    """A disclosure with its entry, the key that opens the entry's commitment, and the proof once it is published."""
    covered = published is not None and disclosed.index < published.size
    return {
        "record": asdict(disclosed.row),
        "index": disclosed.index,
        "entry": disclosed.entry.decode(),
        "opening_key": disclosed.opening_key.hex(),
        "proof": ledger.prove(disclosed.index, published).text if covered and published else None,
    }


def check(disclosure: Mapping[str, Any], proof: bytes, policy: Policy) -> None:
    """Checks a disclosure believing nobody but `policy`: the record is what was logged, and it stands in the log.

    Args:
        disclosure: what `told` makes.
        proof: the proof file of its entry.
        policy: whose signatures to demand.

    Raises:
        InteropError: `bad-disclosure`, `record-altered`, and what `Proof.verify` raises.
    """
    try:
        entry: bytes = disclosure["entry"].encode()
        row = Row(**disclosure["record"])
        shown = orjson.loads(entry)
        committed = commitment(bytes.fromhex(disclosure["opening_key"]), row.record)
        index = disclosure["index"]
        profile: Profile = "official" if "quarter" in shown else "open"
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InteropError("bad-disclosure", f"this is no disclosure as audit writes them: {error!r}") from error
    if entry_of(row, committed, profile) != entry:
        raise InteropError("record-altered", "the record is not the one that the log's entry was made for")
    parsed = parse_proof(proof)
    if parsed.index != index:
        raise InteropError("not-included", f"the proof is of entry {parsed.index}, and the disclosure is entry {index}")
    parsed.verify(entry, policy)
