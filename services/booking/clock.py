"""The clock: one process closes days, and a day closes only when nothing is under way.

The steps of a close, each followed by a wait for quiet:

1. custody moves, one stage a case a round, until nothing of the day is left (`day.ended`, round by round);
2. ICE works its lists (`day.closed`), and what follows happens in the next day.

Everything published here has an id that derives from the day, so a clock that dies half-way is taken up where it
stopped, and nothing happens twice (docs/decisions/0003).
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from typing import Any, Literal, cast
from uuid import uuid4
from zoneinfo import ZoneInfo

from redis.asyncio import Redis

from services.booking.events import DayClosed, DayEnded, RunOpened, RunSettings
from services.booking.house import CONTROL_READERS, READERS, TIMED_GROUPS
from services.chassis.delivery import keys
from services.chassis.delivery.admit import Admission, Gate, Item
from services.chassis.delivery.quiet import House
from services.chassis.delivery.store import patiently
from services.chassis.envelope import Produced, encode, event_id
from services.chassis.errors import InfrastructureError, InteropError

RunStatus = Literal["open", "ending", "settling", "ended"]
"""A run takes bookings, then closes the day of its last ones, then goes on until no timer is left, then has ended."""

LEASE_MS = 3_000
LEASE_PATIENCE_SECONDS = 30.0
MEMORY_OF_ENDED_RUNS_SECONDS = 24 * 3600
"""How long duplicates are still recognised after a run has ended."""

_WHILE_HELD = """
-- KEYS[1]: lease; ARGV[1]: token
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
"""
_SET_WHILE_HELD = _WHILE_HELD + "redis.call('HSET', KEYS[2], unpack(ARGV, 2)) return 1"
_RENEW = _WHILE_HELD + "return redis.call('PEXPIRE', KEYS[1], ARGV[2])"
_RELEASE = _WHILE_HELD + "return redis.call('DEL', KEYS[1])"


@dataclass(frozen=True, slots=True)
class Reading:
    """What the clock of a run shows."""

    open_day: date
    zone: ZoneInfo
    status: RunStatus

    def day_of(self, moment: datetime) -> date:
        """The day of the run that holds `moment`."""
        return moment.astimezone(self.zone).date()

    @property
    def ends_at(self) -> datetime:
        """When the open day ends: the next midnight of the run's time zone, in UTC."""
        return datetime.combine(self.open_day + timedelta(days=1), time(), self.zone).astimezone(UTC)


class Clock:
    """Keeps the time of every run, under a lease for each."""

    def __init__(self, client: Redis) -> None:
        self.client = client
        self.gate = Gate(client)
        self.house = House(client, READERS)
        self.token = uuid4().hex
        self._lock = asyncio.Lock()
        self._set = client.register_script(_SET_WHILE_HELD)
        self._renew = client.register_script(_RENEW)
        self._release = client.register_script(_RELEASE)

    async def read(self, runid: str) -> Reading:
        """What the clock of a run shows.

        Raises:
            InteropError: `unknown-run`.
        """
        raw = await patiently(lambda: cast(Any, self.client.hgetall(keys.clock(runid))))
        if not raw:
            raise InteropError("unknown-run", f"no run '{runid}' is open; open one with POST /runs", status=404)
        return Reading(
            open_day=date.fromisoformat(raw[b"open_day"].decode()),
            zone=ZoneInfo(raw[b"time_zone"].decode()),
            status=cast(RunStatus, raw[b"status"].decode()),
        )

    async def open_run(self, runid: str, settings: RunSettings) -> bool:
        """Opens a run and waits until every service has read its settings; False when it is open already.

        Raises:
            InteropError: `run-differs`, when a run of this id is open with other settings; `run-refused`, when a
                service could not use them.
        """
        data = RunOpened.model_validate({**settings.model_dump(), "disclosures": ()})
        opened_at = datetime.combine(settings.opened_on, time(), ZoneInfo(settings.time_zone)).astimezone(UTC)
        admission = await self._publish(runid, data, settings.opened_on, 0, opened_at, lease="")
        if admission == "conflict":
            raise InteropError(
                "run-differs", f"run '{runid}' is open with other settings; choose another name", status=409
            )
        await self.house.quiet()
        await self._check_taken(runid)
        fields = {"open_day": settings.opened_on.isoformat(), "time_zone": settings.time_zone, "status": "open"}
        for name, value in fields.items():
            await patiently(partial(cast(Any, self.client.hsetnx), keys.clock(runid), name, value))
        if (await self.read(runid)).status != "ended":
            await patiently(lambda: cast(Any, self.client.sadd(keys.RUNS, runid)))
        return admission == "admitted"

    async def _check_taken(self, runid: str) -> None:
        """Every group that needs the settings of a run has understood them; one that has not holds a dead letter."""
        for group in CONTROL_READERS:
            if not await patiently(partial(cast(Any, self.client.exists), keys.run(group, runid))):
                raise InteropError(
                    "run-refused",
                    f"{group} could not use the settings of run '{runid}'; 'interop dlq list' says why."
                    " Mend them, and open a run of another name",
                )

    async def runs(self) -> list[str]:
        """The ids of the runs that have not ended."""
        members = await patiently(lambda: cast(Any, self.client.smembers(keys.RUNS)))
        return sorted(member.decode() for member in members)

    @asynccontextmanager
    async def held(self, runid: str) -> AsyncIterator[None]:
        """Keeps the clock of a run: nobody else admits bookings into it or closes its days meanwhile.

        Raises:
            InteropError: `clock-busy`, when another process keeps it for too long.
        """
        async with self._lock:
            await self._acquire(runid)
            renewal = asyncio.create_task(self._keep(runid))
            try:
                yield
            finally:
                renewal.cancel()
                with suppress(InfrastructureError):  # then the lease runs out by itself
                    await patiently(lambda: self._release(keys=[keys.clock_lease(runid)], args=[self.token]))

    async def reach(self, runid: str, day: date) -> Reading:
        """Closes every day before `day`. The clock must be held."""
        reading = await self.read(runid)
        while reading.open_day < day:
            await self._close(runid, reading)
            reading = await self.read(runid)
        return reading

    async def tick(self, runid: str) -> None:
        """Closes the open day if a timer is left at all. The clock must be held."""
        await self.house.quiet()
        if await self.has_timers(runid):
            await self._close(runid, await self.read(runid))

    async def end_input(self, runid: str) -> None:
        """No more bookings come; from here on days close until no timer is left."""
        async with self.held(runid):
            if (await self.read(runid)).status == "open":
                await self._note(runid, status="ending")

    async def wind_up(self, runid: str) -> bool:
        """One step towards the end of a run whose input has ended; False when there is none left to take.

        Any booking process may take any step, also after another has died in the middle of one.
        """
        async with self.held(runid):
            reading = await self.read(runid)
            if reading.status == "ending":
                await self._close(runid, reading, status="settling")
                return True
            if reading.status == "ended":  # whoever ended it died before all of it was forgotten
                await self._forget(runid)
            if reading.status != "settling":
                return False
            await self.house.quiet()
            if await self.has_timers(runid):
                await self._close(runid, reading)
                return True
            await self._note(runid, status="ended")
            await self._forget(runid)
            return False

    async def _custody_due(self, runid: str, before: datetime) -> dict[bytes, bytes]:
        """The bookings of which custody has something left to do, each with the version of its case."""
        key, bound = keys.due("booking", runid), f"({before.timestamp()!r}"
        tcns = await patiently(lambda: cast(Any, self.client.zrangebyscore(key, "-inf", bound)))

        async def versions() -> list[bytes]:
            pipeline = self.client.pipeline(transaction=False)
            for tcn in tcns:
                pipeline.hget(keys.case("booking", runid, tcn.decode()), "version")
            return await pipeline.execute()

        return dict(zip(tcns, await patiently(versions), strict=True))

    @staticmethod
    def _check_progress(day: date, before: dict[bytes, bytes], after: dict[bytes, bytes]) -> None:
        if before == after:
            raise InteropError(
                "day-stuck",
                f"{day} cannot close: custody of {len(after)} people does not move; see 'interop dlq list', mend the"
                " cause, and redrive",
                status=503,
            )

    async def has_timers(self, runid: str, before: datetime | None = None) -> bool:
        """Whether any case waits for a time (before `before`, if given)."""
        bound = "+inf" if before is None else f"({before.timestamp()!r}"
        for group in TIMED_GROUPS:
            if await patiently(partial(cast(Any, self.client.zcount), keys.due(group, runid), "-inf", bound)):
                return True
        return False

    async def _close(self, runid: str, reading: Reading, **notes: str) -> None:
        await self.house.quiet()
        ends_at = reading.ends_at
        round_number = 0
        while due := await self._custody_due(runid, ends_at):
            ended = DayEnded(day=reading.open_day, round=round_number, ends_at=ends_at, disclosures=())
            admission = await self._publish(runid, ended, reading.open_day, round_number, ends_at)
            # Also after "duplicate": the first reply may have been lost, and the round be under way.
            await self.house.quiet()
            if admission == "admitted":
                self._check_progress(reading.open_day, due, await self._custody_due(runid, ends_at))
            round_number += 1
        something_to_do = await self.has_timers(runid, ends_at)
        closed = DayClosed(day=reading.open_day, ends_at=ends_at, disclosures=())
        await self._publish(runid, closed, reading.open_day, 0, ends_at)
        if something_to_do:
            await self.house.quiet()
        await self._note(runid, open_day=(reading.open_day + timedelta(days=1)).isoformat(), **notes)

    async def _forget(self, runid: str) -> None:
        """Duplicates are recognised for a while longer; after that the run leaves only its streams and its cases."""
        for group in {group for groups in READERS.values() for group in groups}:
            seen = keys.seen(group, runid)
            await patiently(partial(cast(Any, self.client.expire), seen, MEMORY_OF_ENDED_RUNS_SECONDS))
        # Last: as long as it is among the runs, this is taken up again.
        await patiently(lambda: cast(Any, self.client.srem(keys.RUNS, runid)))

    async def _publish(
        self, runid: str, data: Produced, day: date, ordinal: int, at: datetime, lease: str | None = None
    ) -> Admission:
        identity = event_id(runid, data.event_type, day.isoformat(), ordinal)
        body = encode(data, identity=identity, runid=runid, subject=day.isoformat(), time=at, tcn=None, cause=None)
        digest = data.model_dump_json()
        item = Item(guards=[(identity, digest)], appends=[(keys.stream(data.event_type), body)])
        (admission,) = await self.gate.admit(runid, [item], lease=self.token if lease is None else lease)
        return admission

    async def _acquire(self, runid: str) -> None:
        lease = keys.clock_lease(runid)
        for _ in range(int(LEASE_PATIENCE_SECONDS / 0.1)):
            if await patiently(lambda: cast(Any, self.client.set(lease, self.token, nx=True, px=LEASE_MS))):
                return
            await asyncio.sleep(0.1)
        raise InteropError(
            "clock-busy", f"another booking process keeps the clock of run '{runid}'; try again", status=503
        )

    async def _keep(self, runid: str) -> None:
        # Python 3.11's `wait_for`, below every Redis command, may swallow a cancellation; the count of them it leaves.
        while not cast("asyncio.Task[None]", asyncio.current_task()).cancelling():
            await asyncio.sleep(LEASE_MS / 3000)
            with suppress(InfrastructureError):
                await patiently(lambda: self._renew(keys=[keys.clock_lease(runid)], args=[self.token, LEASE_MS]))

    async def _note(self, runid: str, **fields: str) -> None:
        names = [keys.clock_lease(runid), keys.clock(runid)]
        pairs = [part for pair in fields.items() for part in pair]
        if not await patiently(lambda: self._set(keys=names, args=[self.token, *pairs])):
            raise InteropError(
                "clock-lost", "another booking process keeps this run's clock now; send the rest again", status=503
            )
