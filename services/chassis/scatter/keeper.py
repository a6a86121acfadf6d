"""The keeper of a shard: answers what the shard is asked, one question after the other."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, cast

from redis.asyncio import Redis

from services.chassis.delivery import keys
from services.chassis.delivery.pace import Pace
from services.chassis.delivery.stage import failure_of
from services.chassis.delivery.store import patiently
from services.chassis.errors import InfrastructureError
from services.chassis.scatter.lease import Lease
from services.chassis.scatter.shard import Shard

log = logging.getLogger(__name__)

ANSWERS_LAST_SECONDS = 60
"""How long an answer waits for whoever asked. After that, whoever still wants it asks again."""

READ_AT_ONCE = 16

_ANSWER = """
-- Strike the question off first: only who does so answers, so a shard answers once, also while two believe to keep it.
-- It also comes first because a script that has written may go on writing at maxmemory.
-- KEYS: questions, answers. ARGV: entry, seconds, fields and values
if redis.call('XDEL', KEYS[1], ARGV[1]) == 0 then return 0 end
redis.call('XADD', KEYS[2], '*', unpack(ARGV, 3))
redis.call('EXPIRE', KEYS[2], ARGV[2])
return 1
"""

Answering = Callable[[Shard, bytes], Awaitable[bytes]]
"""What a shard says to a question. The same question has the same answer, whoever keeps the shard."""


class Keeper:
    """Answers for the shard that a lease is on, from the oldest question that nobody has answered on.

    `answer` may raise: the one who asked then gets the error, as its own. An InfrastructureError is no answer, and the
    question stays.
    """

    def __init__(self, client: Redis, scatter: str, lease: Lease, answer: Answering, pace: Pace, poll_ms: int) -> None:
        self.client = client
        self.scatter = scatter
        self.lease = lease
        self.answer = answer
        self.pace = pace
        self.poll_ms = poll_ms
        self._answer = client.register_script(_ANSWER)

    async def serve(self) -> None:
        """Answers, once there is a shard to answer for, until it is cancelled."""
        shard = await self.lease.claimed()
        while True:
            try:
                await self.serve_once(shard)
            except InfrastructureError as outage:
                log.warning("%s waits for Redis: %s", shard, outage.sentence)

    async def serve_once(self, shard: Shard) -> None:
        """Answers what the shard is asked now; where there is nothing, waits for something for a moment.

        Raises:
            InfrastructureError: Redis does not answer. What was not answered is asked still.
        """
        stream = keys.questions(self.scatter, shard.number, shard.of)
        # From the beginning each time: what was answered is gone, and all that stands here is owed.
        read = await patiently(
            lambda: cast(Any, self.client.xread({stream: "0"}, count=READ_AT_ONCE, block=self.poll_ms))
        )
        for _, entries in read:
            for entry_id, fields in entries:
                # Whoever is halted answers nothing, so that a shard can be made to be missing.
                await self.pace.allowed(1)
                await self._settle(shard, stream, entry_id, fields)

    async def _settle(self, shard: Shard, stream: str, entry_id: bytes, fields: Mapping[bytes, bytes]) -> None:
        told: list[str | bytes | int] = ["shard", shard.number]
        try:
            told += ["body", await self.answer(shard, fields[b"body"])]
        except InfrastructureError:
            raise
        except Exception as error:  # a question that cannot be answered is told so, and never the keeper's end
            failure = failure_of(error)
            told += ["error", failure.reason, "detail", failure.detail]
        answers = keys.answers(self.scatter, fields.get(b"question", b"").decode(errors="replace"))
        arguments = [entry_id, ANSWERS_LAST_SECONDS, *told]
        await patiently(lambda: self._answer(keys=[stream, answers], args=arguments))
