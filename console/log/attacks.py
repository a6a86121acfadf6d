"""The attacks of the tamper drill in words: what was changed, and by whom it was noticed."""

from collections.abc import Mapping
from dataclasses import dataclass

from services.audit.tlog.drill import Attack

READER = "whoever downloads the files and hashes them"
SIGNATURE = "whoever checks the signatures under the root"
KEPT = "whoever has kept a newer checkpoint; in the house the witnesses, too"

NOTICED_BY: Mapping[str, str] = {
    "bad-note": SIGNATURE,
    "bad-checkpoint": SIGNATURE,
    "bad-signature": SIGNATURE,
    "wrong-log": SIGNATURE,
    "not-signed": SIGNATURE,
    "no-quorum": "whoever demands the signatures of the witnesses",
    "no-checkpoint": SIGNATURE,
    "rolled-back": KEPT,
    "forked": KEPT,
}
"""By the code of the error. What is not named here is found by hashing entries and tiles."""

CHANGED: Mapping[str, str] = {
    "one bit of an entry flipped": "somebody alters one letter of what was written",
    "one bit of a tile flipped": "somebody alters one of the hashes instead",
    "one bit of the checkpoint flipped": "somebody alters the signed root, its size or a signature",
    "an entry deleted": "a line is taken out, and a gap is left",
    "an entry deleted and the gap closed": "a line is taken out, and all others move up",
    "the newest entries deleted": "the last lines are taken out",
    "two entries swapped": "two lines change places",
    "two bundles swapped": "two blocks of 256 lines change places",
    "a tile removed": "a file of hashes is gone",
    "a bundle removed": "a file of lines is gone",
    "the newest entries dropped with their tiles": "the log is cut, files and all, under the same root",
    "an older state brought back": "the whole log is as it was when this window first saw it, signatures and all",
}

BY_THE_KEEPER = (
    ("history rewritten and signed by the log", "the keeper alters a line, builds the tree anew and signs it"),
    ("history rewritten under the old cosignatures", "the same, with the witnesses' old signatures beneath"),
)
"""Attacks that take the log's own key, which the console has not: `interop audit drill` makes them."""


@dataclass(frozen=True, slots=True)
class Row:
    """An attack as the page shows it."""

    attack: str
    changed: str
    tries: int
    noticed: int
    codes: dict[str, int]
    by: list[str]


def row_of(attack: Attack) -> Row:
    """An attack in words."""
    by = dict.fromkeys(NOTICED_BY.get(code, READER) for code in attack.named)
    codes = dict(attack.named.most_common())
    return Row(attack.name, CHANGED.get(attack.name, ""), attack.tries, attack.detected, codes, list(by))
