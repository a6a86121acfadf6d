"""Books one person by hand: somebody of a kind, into the run `live`, or into a run of their own under another law."""

import asyncio
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from console.flow.kinds import ANYBODY, KINDS_BY_KEY, LIVE_POLICY
from console.house import House
from console.workers import ended, result_of
from services.booking.identifiers import subject_of, tcn_of
from services.chassis.errors import InteropError

LIVE = "live"
CAST = "console.flow.cast"

Person = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Booked:
    """A booking that was taken: its run, and its transaction control number."""

    run: str
    tcn: str


class Desk:
    """Where people are booked by hand. It remembers who truly is who, which nobody else in the house knows."""

    def __init__(self, house: House) -> None:
        self.house = house
        self._cast: asyncio.Task[dict[str, Any]] | None = None
        self._settings: dict[str, Any] = {}
        """By law, what its runs are pinned to; those of `KINDS` come with the cast."""

        self._asking = asyncio.Lock()

    def prepare(self) -> None:
        """Begins to look for people, so that they are there when somebody wants to book one."""
        if self._cast is None or (self._cast.done() and not self._is_cast):
            self._cast = asyncio.create_task(result_of(CAST))

    async def close(self) -> None:
        """Ends the search for people, when the console does."""
        if self._cast is not None:
            await ended([self._cast])

    @property
    def _is_cast(self) -> bool:
        cast = self._cast
        return cast is not None and cast.done() and not cast.cancelled() and cast.exception() is None

    async def people(self) -> dict[str, list[Person]]:
        """People by kind.

        Raises:
            InteropError: they could not be made.
        """
        self.prepare()
        assert self._cast is not None  # noqa: S101  it was just begun
        told = await asyncio.shield(self._cast)
        self._settings = told["settings"] | self._settings
        people: dict[str, list[Person]] = told["people"]
        return people

    async def truth(self, subject: str) -> str | None:
        """Who somebody truly is: None for whom this desk has not booked, and while it is still looking for people."""
        if not self._is_cast:
            return None
        for somebody in (each for people in (await self.people()).values() for each in people):
            body = somebody["body"]
            if subject_of(body["ori"], body["oca"]) == subject:
                found: str = somebody["truth"]
                return found
        return None

    async def book(self, kind: str, policy: str | None = None, *, at_once: bool = False) -> Booked:
        """Books the next person of a kind.

        Args:
            kind: a key of `KINDS_BY_KEY`, or `anybody`.
            policy: the jail's law; without one, that which shows the kind.
            at_once: in a run of its own, whose days pass as fast as they can. Under another law than that of the run
                `live` there is no other way.

        Raises:
            InteropError: `unknown-kind`, `unknown-policy`, and whatever booking refuses.
        """
        if kind != ANYBODY and kind not in KINDS_BY_KEY:
            raise InteropError(
                "unknown-kind", f"there are no people of the kind '{kind}'; choose one on the first page"
            )
        law = policy or (LIVE_POLICY if kind == ANYBODY else KINDS_BY_KEY[kind].policy)
        people = (await self.people())[kind]
        if kind == ANYBODY:
            people = secrets.SystemRandom().sample(people, len(people))
        if at_once or law != LIVE_POLICY:
            return await self._book_apart(law, people)
        return await self._book_live(people)

    async def _book_live(self, people: list[Person]) -> Booked:
        """The first of them who was not booked yet, or the first again: a journey that was."""
        tcn = ""
        for somebody in people:
            answer = await self.house.post("booking", "/bookings", json=somebody["body"], params={"run": LIVE})
            tcn = tcn or answer["tcn"]
            if answer["status"] == "accepted":
                return Booked(LIVE, answer["tcn"])
        return Booked(LIVE, tcn)

    async def _book_apart(self, policy: str, people: list[Person]) -> Booked:
        async with self._asking:  # one process for it is enough, however many want it
            if policy not in self._settings:
                self._settings[policy] = await result_of(CAST, policy)
        run = f"by-hand-{policy}-{secrets.token_hex(3)}"
        body = secrets.choice(people)["body"]
        await self.house.post("booking", "/runs", json={"runid": run, "settings": self._settings[policy]})
        await self.house.post("booking", "/bookings", json=body, params={"run": run})
        await self.house.post("booking", f"/runs/{run}/end")
        return Booked(run, tcn_of(run, body["ori"], body["oca"]))
