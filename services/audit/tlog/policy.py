"""Whom to believe about a log (c2sp.org/tlog-policy): its key, its witnesses' keys, and how many must have signed.

Written as a file of a few lines, so that whoever verifies can get it from somebody other than the log's operator.
"""

import re
from dataclasses import dataclass

from services.audit.tlog.checkpoint import Checkpoint, parse_checkpoint
from services.audit.tlog.notes import Algorithm, Verifier, key_of
from services.chassis.errors import InteropError

_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_COUNT = re.compile(r"[1-9][0-9]{0,3}")


@dataclass(frozen=True, slots=True)
class Policy:
    """A log's key, and the witnesses of which `quorum` must have signed what is to be believed."""

    log: Verifier
    witnesses: tuple[Verifier, ...] = ()
    quorum: int = 0

    @property
    def text(self) -> str:
        """The policy as a file."""
        names = [f"witness-{number}" for number, _ in enumerate(self.witnesses, start=1)]
        lines = [f"log {self.log.vkey}"]
        lines += [f"witness {name} {key.vkey}" for name, key in zip(names, self.witnesses, strict=True)]
        if self.quorum:
            lines += [f"group witnesses {self.quorum} {' '.join(names)}", "quorum witnesses"]
        else:
            lines.append("quorum none")
        return "\n".join(lines) + "\n"

    def open(self, raw: bytes) -> Checkpoint:
        """The checkpoint in a signed note that this policy believes.

        Raises:
            InteropError: `bad-note`, `bad-checkpoint`, `bad-signature`, `wrong-log`, `not-signed`, `no-quorum`.
        """
        checkpoint, note = parse_checkpoint(raw)
        if checkpoint.origin != self.log.name:
            raise InteropError("wrong-log", f"this is a checkpoint of '{checkpoint.origin}', not of '{self.log.name}'")
        if not note.signed_by([self.log]):
            raise InteropError("not-signed", f"the log '{self.log.name}' has not signed this checkpoint with its key")
        signed = note.signed_by(self.witnesses)
        if len(signed) < self.quorum:
            missing = ", ".join(key.name for key in self.witnesses if key.name not in signed)
            raise InteropError(
                "no-quorum",
                f"{len(signed)} of the {self.quorum} witnesses needed have signed this checkpoint; missing: {missing}",
            )
        return checkpoint


def parse_policy(text: str) -> Policy:
    """Reads a policy of one log and one group of witnesses, which is what this project writes.

    Raises:
        InteropError: `bad-policy`, `bad-key`.
    """
    if _CONTROLS.search(text):
        raise InteropError("bad-policy", "a policy has no other control characters than tabs and newlines")
    log: Verifier | None = None
    witnesses: dict[str, Verifier] = {}
    groups: dict[str, tuple[int, list[str]]] = {"none": (0, [])}
    quorum: str | None = None
    for line in text.split("\n"):
        # Spaces and tabs alone part words: what Unicode calls a space may stand in a name.
        match re.findall(r"[^ \t]+", line):
            case []:
                continue
            case [word, *_] if word.startswith("#"):
                continue
            case ["log", vkey] | ["log", vkey, _] if log is None:
                log = key_of(vkey, Algorithm.ED25519)
            case ["witness", name, vkey] | ["witness", name, vkey, _] if name not in groups:
                witnesses[name] = _witness(vkey, witnesses)
                groups[name] = (1, [name])
            case ["group", name, threshold, *members] if name not in groups and set(members) <= witnesses.keys():
                groups[name] = (_threshold(threshold, members), members)
            case ["quorum", name] if quorum is None and name in groups:
                quorum = name
            case _:
                raise InteropError("bad-policy", f"this line is no part of a policy of one log: '{line}'")
    if log is None or quorum is None:
        raise InteropError("bad-policy", "a policy names the key of a log, and ends with a quorum")
    needed, members = groups[quorum]
    return Policy(log, tuple(witnesses[name] for name in members or witnesses), needed)


def _witness(vkey: str, others: dict[str, Verifier]) -> Verifier:
    key = key_of(vkey, Algorithm.COSIGNATURE_V1)
    if any(key.public == other.public or key.name == other.name for other in others.values()):
        # A cosignature does not say whose it is: whoever has one key under two names would count as two.
        raise InteropError("bad-policy", f"'{vkey}' has the key or the name of another witness")
    return key


def _threshold(text: str, members: list[str]) -> int:
    count = len(set(members))
    needed = {"any": 1, "all": count}.get(text) or (int(text) if _COUNT.fullmatch(text) else 0)
    if len(members) != count or not 1 <= needed <= count:
        raise InteropError("bad-policy", f"'{text}' is no number of witnesses out of {count}")
    return needed
