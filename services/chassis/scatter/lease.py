"""Which shard a process keeps: one that nobody else keeps, for as long as it renews its claim."""

import asyncio
import logging
from contextlib import suppress

from redis.asyncio import Redis

from services.chassis.delivery import keys
from services.chassis.delivery.store import patiently
from services.chassis.errors import InfrastructureError
from services.chassis.scatter.shard import Shard

log = logging.getLogger(__name__)

_CLAIM = """
-- KEYS: the leases of all shards. ARGV: the holder, milliseconds. Its own shard comes before any that is free.
for n, key in ipairs(KEYS) do
  if redis.call('GET', key) == ARGV[1] then redis.call('PEXPIRE', key, ARGV[2]) return n end
end
for n, key in ipairs(KEYS) do
  if redis.call('EXISTS', key) == 0 then
    -- This changes nothing. But a script that has written may go on writing at maxmemory, as searches must.
    redis.call('PEXPIRE', key, ARGV[2])
    redis.call('SET', key, ARGV[1], 'PX', ARGV[2])
    return n
  end
end
return 0
"""
_RENEW = """
-- KEYS[1]: the lease. ARGV: the holder, milliseconds. One that ran out is taken again, if nobody else has it by now.
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('PEXPIRE', KEYS[1], ARGV[2]) -- comes first, as above
if not holder then redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2]) end
return 1
"""
_RELEASE = """
-- KEYS[1]: the lease. ARGV[1]: the holder
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
"""


class ShardLostError(Exception):
    """Another process keeps the shard by now. What this one has prepared is for nothing: it should be started anew."""


class Lease:
    """The claim of one process, known by the name of its consumer, on one of the shards.

    A process that is started again under its name has its shard at once. The others come too late for it, and one that
    finds all shards taken is a spare: it waits until one falls free.
    """

    def __init__(self, client: Redis, scatter: str, shards: int, holder: str, lease_ms: int) -> None:
        self.client = client
        self.holder = holder
        self.lease_ms = lease_ms
        self.shards = [Shard(number, shards) for number in range(1, shards + 1)]
        self.shard: Shard | None = None
        """The shard that is kept; None before it is claimed, and of a spare."""

        self._keys = [keys.shard(scatter, shard.number, shard.of) for shard in self.shards]
        self._claim = client.register_script(_CLAIM)
        self._renew = client.register_script(_RENEW)
        self._release = client.register_script(_RELEASE)
        self._claimed = asyncio.Event()

    async def claimed(self) -> Shard:
        """The shard, as soon as there is one."""
        while self.shard is None:
            await self._claimed.wait()
        return self.shard

    async def claim(self) -> bool:
        """Takes a shard, if there is one to take.

        Raises:
            InfrastructureError: Redis does not answer.
        """
        number = int(await patiently(lambda: self._claim(keys=self._keys, args=[self.holder, self.lease_ms])))
        if number == 0:
            return False
        self.shard = self.shards[number - 1]
        self._claimed.set()
        return True

    async def renew(self) -> None:
        """Keeps the shard for another while.

        Raises:
            ShardLostError: the lease ran out, and another process has taken the shard.
            InfrastructureError: Redis does not answer.
        """
        shard = await self.claimed()
        key = self._keys[shard.number - 1]
        if not await patiently(lambda: self._renew(keys=[key], args=[self.holder, self.lease_ms])):
            raise ShardLostError(f"{shard} is kept by another process now")

    async def release(self) -> None:
        """Leaves the shard to whoever wants it.

        Raises:
            InfrastructureError: Redis does not answer; then the lease runs out by itself.
        """
        if self.shard is not None:
            key = self._keys[self.shard.number - 1]
            await patiently(lambda: self._release(keys=[key], args=[self.holder]))

    async def keep(self) -> None:
        """Claims a shard and renews the claim, three times a lease, until it is cancelled; then it is released.

        Raises:
            ShardLostError: see `renew`.
        """
        try:
            while True:
                await self._keep_once()
                await asyncio.sleep(self.lease_ms / 3000)
        finally:
            with suppress(InfrastructureError):
                await self.release()

    async def _keep_once(self) -> None:
        try:
            if self.shard is None:
                await self.claim()
            else:
                await self.renew()
        except InfrastructureError as outage:
            log.warning("the lease of a shard waits for Redis: %s", outage.sentence)

    async def unkept(self) -> list[Shard]:
        """The shards that nobody keeps."""
        holders = await self.client.mget(self._keys)
        return [shard for shard, holder in zip(self.shards, holders, strict=True) if holder is None]
