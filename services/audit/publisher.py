"""Brings each new head of the log to the witnesses, publishes what enough of them have cosigned, and announces it.

Nothing but witnesses ends the wait for witnesses. Where one has seen another log than this, this one has been
rewritten, cut or restored from a backup, and audit ends: nobody may build on a log of which there are two.
"""

import asyncio
import logging
import time
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from redis import Redis

from services.audit.events import WATCHED, CheckpointPublished, announcement
from services.audit.log import Log, Published, StoredLog
from services.audit.positions import format_id, settled
from services.audit.tlog.checkpoint import Checkpoint
from services.audit.tlog.merkle import consistency_proof
from services.audit.tlog.policy import Policy, parse_policy
from services.audit.tlog.tiles import hash_reader
from services.audit.witnesses import Behind, Cosigned, Rejected, Unreachable, Witness
from services.chassis.delivery import keys
from services.chassis.errors import InteropError

ANNOUNCED = "announced"
"""The cursor of what was sent to the stream of checkpoints."""

POLICY = "policy"
"""Under what the log keeps the keys of its witnesses. They are pinned: another witness means another policy."""

START_SECONDS = 3.0
"""How long a starting log waits for its witnesses, to hear whether they know it as it is."""

_TRIES = 3

log = logging.getLogger(__name__)


class Publisher:
    """Publishes the log."""

    def __init__(self, written: Log, redis: Redis, witnesses: Sequence[Witness], quorum: int) -> None:
        self.log = written
        self.redis = redis
        self.witnesses = witnesses
        self.quorum = quorum
        self.heard: dict[str, str] = {}
        """What each witness last answered, in words, by its address."""
        self._sizes: dict[str, int] = {}
        self._waiting_for = ""

    async def check_with_witnesses(self, patience: float = START_SECONDS) -> None:
        """Asks the witnesses whether they know this log as it is, before anything is added to it.

        A log whose key is new needs no patience: its witnesses cannot know it yet.

        Raises:
            InteropError: `log-rolled-back`, `log-forked`.
        """
        deadline = time.monotonic() + patience
        waiting = list(self.witnesses)
        while waiting:
            checkpoint, note = self.log.head()
            lines = await asyncio.gather(*(self._cosigned(witness, checkpoint, note) for witness in waiting))
            waiting = [witness for witness, line in zip(waiting, lines, strict=True) if line is None]
            if waiting and time.monotonic() > deadline:
                names = ", ".join(each.url for each in waiting)
                log.log(logging.WARNING if patience else logging.INFO, "the log goes on without %s", names)
                return
            await asyncio.sleep(0.1 if waiting else 0)

    async def publish(self) -> None:
        """Publishes the head if it is new and enough witnesses cosign it, and announces what was published.

        Raises:
            InteropError: `log-rolled-back`, `log-forked`.
        """
        covered = await asyncio.to_thread(settled, self.redis, WATCHED)
        checkpoint, note = self.log.head()
        newest = self.log.published()
        if self.witnesses and checkpoint.size > (newest.size if newest else 0):
            lines = await asyncio.gather(*(self._cosigned(witness, checkpoint, note) for witness in self.witnesses))
            whole = note + "".join(line for line in lines if line is not None).encode()
            if await self._is_believed(whole):
                through = {stream: format_id(at) for stream, at in covered.items()}
                self.log.publish(Published(checkpoint.size, whole, through, time.time()))
        await asyncio.to_thread(self.announce)

    def announce(self) -> None:
        """Sends the event of every checkpoint that was published and not announced.

        A crash in between sends one again, with the same id, and never leaves one out.
        """
        for published in self.log.published_after(self.log.cursor(ANNOUNCED)):
            event = announcement(published.checkpoint, published.covered, published.at)
            self.redis.xadd(keys.stream(CheckpointPublished.event_type), {"event": event})
            self.log.move_cursor(ANNOUNCED, published.size)

    def policy(self) -> Policy | None:
        """Whose signatures readers should demand: the keys that witnesses had when something was first published."""
        return policy_of(self.log)

    async def _is_believed(self, note: bytes) -> bool:
        """Whether a checkpoint bears the signatures that its readers will demand."""
        policy = self.policy()
        if policy is None:
            keys = [await witness.key() for witness in self.witnesses]
            policy = Policy(self.log.signer.verifier, tuple(keys), self.quorum)
        try:
            policy.open(note)
        except InteropError as error:
            if error.sentence != self._waiting_for:
                log.warning("not published yet: %s", error.sentence)
            self._waiting_for = error.sentence
            return False
        self._waiting_for = ""
        self.log.note(POLICY, policy.text)
        return True

    def told(self) -> dict[str, Any]:
        """How far the log is, and how long ago what is published of it was, as `/readyz` tells it."""
        newest = self.log.published()
        return {
            "size": self.log.size,
            "published": newest.size if newest else 0,
            "age_seconds": round(time.time() - newest.at, 1) if newest else None,
            "quorum": self.quorum,
            "witnesses": {witness.url: self.heard.get(witness.url, "not heard yet") for witness in self.witnesses},
        }

    async def _cosigned(self, witness: Witness, checkpoint: Checkpoint, note: bytes) -> str | None:
        """A witness's signature line; None when it cannot be had just now."""
        size = checkpoint.size
        old = self._sizes.get(witness.url, 0)
        for _ in range(_TRIES):
            proof = await asyncio.to_thread(consistency_proof, old, size, hash_reader(self.log.tile))
            answer = await witness.add_checkpoint(old, proof, note)
            match answer:
                case Cosigned(line):
                    self._sizes[witness.url] = size
                    self.heard[witness.url] = f"cosigned {size} entries"
                    return line
                case Behind(seen) if seen > size:
                    raise _refused("log-rolled-back", witness, f"has seen {seen} entries, and the log has {size}")
                case Behind(seen) if seen == old:
                    raise _refused("log-forked", witness, f"has seen other entries than the first {seen} of this log")
                case Behind(seen):
                    old = seen
                case Rejected(status, _) if status == HTTPStatus.UNPROCESSABLE_ENTITY:
                    raise _refused("log-forked", witness, f"has seen other entries than the first {old} of this log")
                case Rejected(status, why):
                    self.heard[witness.url] = f"refused ({status}): {why}"
                    return None
                case Unreachable(why):
                    self.heard[witness.url] = f"not reached: {why}"
                    return None
        return None


def policy_of(log_: StoredLog) -> Policy | None:
    """Whose signatures a log's readers should demand; None before anything was published."""
    text = log_.about().get(POLICY)
    return None if text is None else parse_policy(text)


def _refused(code: str, witness: Witness, what: str) -> InteropError:
    return InteropError(
        code,
        f"the witness at {witness.url} {what}: it was rewritten, cut, or restored from a backup. It is evidence and is"
        " not opened; see docs/runbook.md",
    )
