"""Where expectations are kept, and how the matcher follows them.

They are in Redis, by run and booking: the same for every process of the matcher, and still there after a restart.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast
from uuid import uuid4

from pydantic import BaseModel, ConfigDict
from redis.asyncio import Redis

from services.biometric_match.events import FingerprintsSubmitted
from services.biometric_match.expectations import Expectation, scripted
from services.biometric_match.matcher import Searched
from services.biometric_match.run import Searches
from services.chassis.delivery import keys
from services.chassis.delivery.store import patiently
from services.chassis.envelope import Event

Submission = Event[FingerprintsSubmitted]
Examine = Callable[[Sequence[Submission], Searches], Awaitable[Searched]]


REMEMBERED_SECONDS = 30 * 24 * 3600
"""How long it is told how often expectations of a run were used, after the last time."""

_NOTE = """
-- KEYS[1]: which events of a run were answered by which expectation. ARGV: seconds, then event, expectation, event, ...
-- What is first changes little, and may be done at maxmemory; a script that has written may go on.
redis.call('HDEL', KEYS[1], '')
redis.call('HSET', KEYS[1], unpack(ARGV, 2))
return redis.call('EXPIRE', KEYS[1], ARGV[1])
"""


class Kept(BaseModel):
    """An expectation as it is kept: what is expected, who put it there, and a name for this very act."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str
    by: str
    expectation: Expectation


@dataclass(frozen=True, slots=True)
class Standing:
    """An expectation that is in force, and how many submissions were answered by it."""

    subject: str
    kept: Kept
    used: int

    def told(self) -> dict[str, Any]:
        """As it is shown."""
        expectation = self.kept.expectation.model_dump(mode="json")
        return {"subject": self.subject, **expectation, "by": self.kept.by, "used": self.used}


class Script:
    """The expectations of all runs.

    Beside them stands which submissions were answered by which: by the id of the event, so that one that is handled
    again, after a crash, is counted once.
    """

    def __init__(self, client: Redis) -> None:
        self.client = client
        self._note = client.register_script(_NOTE)

    async def put(self, runid: str, subject: str, expectation: Expectation, by: str) -> bool:
        """Keeps an expectation, in place of one that there is; tells whether there was none.

        Raises:
            InfrastructureError: Redis does not answer; this is so of all that a script does.
        """
        kept = Kept(id=str(uuid4()), by=by, expectation=expectation)
        body = kept.model_dump_json(exclude_defaults=True)
        added = await self._ask(self.client.hset, keys.expectations(runid), subject, body)
        return bool(added)

    async def take_back(self, runid: str, subject: str) -> bool:
        """Gives an expectation up; tells whether there was one."""
        return bool(await self._ask(self.client.hdel, keys.expectations(runid), subject))

    async def standing(self, runid: str) -> list[Standing]:
        """Every expectation that is in force in a run, by subject."""
        rows: dict[bytes, bytes] = await self._ask(self.client.hgetall, keys.expectations(runid))
        used = Counter(await self._ask(self.client.hvals, keys.scripted(runid)))
        kept = {subject.decode(): Kept.model_validate_json(body) for subject, body in sorted(rows.items())}
        return [Standing(subject, each, used[each.id.encode()]) for subject, each in kept.items()]

    async def of(self, runid: str, subjects: Sequence[str]) -> list[Kept | None]:
        """What is kept for some bookings of a run, in their order."""
        bodies = await self._ask(self.client.hmget, keys.expectations(runid), list(subjects))
        return [None if body is None else Kept.model_validate_json(body) for body in bodies]

    async def answered(self, runid: str) -> int:
        """How many submissions of a run were answered by an expectation, be it in force still or not."""
        return int(await self._ask(self.client.hlen, keys.scripted(runid)))

    async def note(self, runid: str, used: Mapping[str, str]) -> None:
        """Remembers by which expectation events were answered: from the id of the event to that of the expectation."""
        pairs = [part for pair in used.items() for part in pair]
        await patiently(lambda: self._note(keys=[keys.scripted(runid)], args=[REMEMBERED_SECONDS, *pairs]))

    async def _ask(self, command: Callable[..., Any], *arguments: Any) -> Any:
        return await patiently(lambda: cast(Awaitable[Any], command(*arguments)))


class Scripted:
    """Searches as an examiner does, and answers as the script says where it says something.

    An expectation is looked up once the search is done, so it holds for what is handled after it was put.
    """

    def __init__(self, examine: Examine, script: Script) -> None:
        """Puts a script, what is expected, before an examiner, who makes the searches."""
        self._examine = examine
        self._script = script

    async def hold(self, events: Sequence[Submission], _: Searches) -> list[float]:
        """For how many seconds each submission of one run is held back, in their order."""
        kept = await self._script.of(events[0].runid, [event.subject for event in events])
        return [0.0 if each is None else each.expectation.delay_ms / 1000 for each in kept]

    async def examine(self, events: Sequence[Submission], searches: Searches) -> Searched:
        """What is to be answered from about submissions of one run, in their order."""
        searched = await self._examine(events, searches)
        if not events:
            return searched
        runid = events[0].runid
        kept = await self._script.of(runid, [event.subject for event in events])
        used = {event.id: each for event, each in zip(events, kept, strict=True) if each is not None}
        if not used:
            return searched
        await self._script.note(runid, {identity: each.id for identity, each in used.items()})
        expectations = [None if each is None else each.expectation for each in kept]
        return scripted(searched, expectations, searches.run.galleries)
