"""The front: puts a question to all shards and has an answer when all have answered, however long one takes."""

import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, cast
from uuid import uuid4

from redis.asyncio import Redis

from services.chassis.delivery import keys
from services.chassis.delivery.store import OUTAGES, patiently
from services.chassis.errors import InfrastructureError, InteropError
from services.chassis.scatter.shard import Shard

QUESTIONS_LAST_SECONDS = 3_600
"""How long a shard that nobody keeps is still owed to, after the last question. Who waits longer asks again."""

LEAVING_SECONDS = 1.0
"""How much longer a process that is to end waits for answers. Then its questions are left to its successor."""

_ASK = """
-- KEYS: the questions of each shard that is asked. ARGV: seconds, question, body
-- What is under way drains also at maxmemory: a script that has written before may go on writing.
local entries = {}
for n, key in ipairs(KEYS) do
  redis.call('EXPIRE', key, ARGV[1])
  entries[n] = redis.call('XADD', key, '*', 'question', ARGV[2], 'body', ARGV[3])
  redis.call('EXPIRE', key, ARGV[1])
end
return entries
"""


@dataclass(slots=True, eq=False)
class _Question:
    """A question on its way."""

    body: bytes
    id: str = field(default_factory=lambda: uuid4().hex)
    since: float = field(default_factory=time.monotonic)
    entries: dict[Shard, bytes] = field(default_factory=dict)
    """Where it stands in the stream of each shard."""

    answers: dict[Shard, bytes] = field(default_factory=dict)
    read_until: bytes = b"0"
    """The last entry that was read of what was answered."""


class Front:
    """Asks the shards, and knows which of them keep it waiting."""

    def __init__(self, client: Redis, scatter: str, shards: int, *, patience_seconds: float, poll_ms: int) -> None:
        self.client = client
        self.scatter = scatter
        self.shards = [Shard(number, shards) for number in range(1, shards + 1)]
        self.patience_seconds = patience_seconds
        self.poll_ms = poll_ms
        self._ask = client.register_script(_ASK)
        self._open: set[_Question] = set()
        self._leaves_at: float | None = None

    async def ask(self, body: bytes) -> list[bytes]:
        """The answer of every shard, in the order of the shards. Waits as long as one of them is missing.

        Raises:
            InteropError: what a shard says who cannot answer this.
            InfrastructureError: Redis does not answer, or this process is to end: to be asked again later.
        """
        question = _Question(body)
        self._open.add(question)
        try:
            await self._put(question, self.shards)
            while missing := self._missing(question):
                if not await self._read(question, block=self.poll_ms):
                    self._check_time()
                    await self._put_again_what_was_lost(question, missing)
        finally:
            self._open.discard(question)
        # If not now, Redis forgets it by itself.
        with suppress(*OUTAGES):
            await self.client.delete(keys.answers(self.scatter, question.id))
        return [question.answers[shard] for shard in self.shards]

    def silent(self) -> dict[Shard, float]:
        """The shards that are waited for, each with the seconds for which it has owed an answer."""
        now = time.monotonic()
        waiting: dict[Shard, float] = {}
        for question in self._open:
            for shard in self._missing(question):
                waiting[shard] = max(waiting.get(shard, 0.0), now - question.since)
        return waiting

    def overdue(self) -> list[str]:
        """The shards that have kept somebody waiting for longer than is usual, each as a sentence."""
        silent = sorted(self.silent().items(), key=lambda row: row[0].number)
        return [
            f"{shard} has not answered for {seconds:.0f} s"
            for shard, seconds in silent
            if seconds > self.patience_seconds
        ]

    def leave(self) -> None:
        """The process is to end: what is not answered in a moment is left to others."""
        self._leaves_at = time.monotonic() + LEAVING_SECONDS

    def _missing(self, question: _Question) -> list[Shard]:
        return [shard for shard in self.shards if shard not in question.answers]

    async def _put(self, question: _Question, shards: Iterable[Shard]) -> None:
        asked = list(shards)
        streams = [keys.questions(self.scatter, shard.number, shard.of) for shard in asked]
        arguments: list[Any] = [QUESTIONS_LAST_SECONDS, question.id, question.body]
        # Repeated after a lost reply it stands there twice; then the second answer is dropped.
        entries = await patiently(lambda: self._ask(keys=streams, args=arguments))
        question.entries.update(zip(asked, entries, strict=True))

    async def _read(self, question: _Question, *, block: int | None) -> bool:
        """Takes in what was answered; False if there was nothing (for `block` milliseconds, if given)."""
        stream = keys.answers(self.scatter, question.id)
        read = await patiently(
            lambda: cast(Any, self.client.xread({stream: question.read_until.decode()}, block=block))
        )
        for _, entries in read:
            for entry_id, fields in entries:
                question.read_until = entry_id
                self._take(question, fields)
        return bool(read)

    def _take(self, question: _Question, fields: dict[bytes, bytes]) -> None:
        shard = self.shards[int(fields[b"shard"]) - 1]
        if b"error" in fields:
            raise InteropError(fields[b"error"].decode(), fields[b"detail"].decode())
        question.answers.setdefault(shard, fields[b"body"])

    async def _put_again_what_was_lost(self, question: _Question, missing: Iterable[Shard]) -> None:
        """A Redis that crashed may have lost a question, or its answer: then it is neither asked nor answered."""
        gone = [shard for shard in missing if not await self._stands(question, shard)]
        # In this order: a question is struck off together with being answered.
        if gone and not await self._read(question, block=None):
            await self._put(question, gone)

    async def _stands(self, question: _Question, shard: Shard) -> bool:
        stream = keys.questions(self.scatter, shard.number, shard.of)
        entry = question.entries[shard]
        return bool(await patiently(lambda: cast(Any, self.client.xrange(stream, entry, entry))))

    def _check_time(self) -> None:
        if self._leaves_at is not None and time.monotonic() > self._leaves_at:
            raise InfrastructureError("this process is to end; what its shards have not answered stays pending")
