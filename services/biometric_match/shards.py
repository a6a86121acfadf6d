"""Searches that are shared out: what every shard is asked, what it answers from its rows, and the whole of that.

What goes between the processes is JSON with codes of 16 hexadecimal digits, as in the events: 200 bytes a probe, which
whoever looks into Redis can read. Arrays in base64 would be half of that and tell nobody anything; either takes some
microseconds a probe, where the search of a million rows takes thousands.
"""

import asyncio
from collections.abc import Sequence
from typing import Self

import numpy as np
from pydantic import BaseModel, ConfigDict

from services.biometric_match.examiner import Probes, Shelf
from services.biometric_match.gallery import GalleryKind
from services.biometric_match.prints import TEN
from services.biometric_match.run import Searches
from services.biometric_match.search import Top, merged
from services.chassis.delivery.stage import Group
from services.chassis.scatter import Front, Shard


class _Message(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    def encoded(self) -> bytes:
        """As it goes to Redis."""
        return self.model_dump_json().encode()

    @classmethod
    def decoded(cls, body: bytes) -> Self:
        """As it came from Redis."""
        return cls.model_validate_json(body)


class AskedOfGallery(_Message):
    """Probes for one gallery: of each finger that is compared its code, and null for the others."""

    gallery: GalleryKind
    probes: list[list[str | None]]

    @classmethod
    def of(cls, probes: Probes) -> "AskedOfGallery":
        """The probes, as they travel."""
        rows = zip(probes.codes.tolist(), probes.compared.tolist(), strict=True)
        written = [
            [f"{code:016x}" if is_compared else None for code, is_compared in zip(*row, strict=True)] for row in rows
        ]
        return cls(gallery=probes.gallery, probes=written)

    def taken(self) -> Probes:
        """The probes, as the search takes them."""
        codes = [[0 if code is None else int(code, 16) for code in probe] for probe in self.probes]
        compared = [[code is not None for code in probe] for probe in self.probes]
        return Probes(
            self.gallery,
            np.array(codes, np.uint64).reshape(-1, TEN),
            np.array(compared, np.bool_).reshape(-1, TEN),
        )


class Question(_Message):
    """What every shard is asked: a batch of submissions of one run. It says nothing about whose prints they are."""

    run: str
    candidates: int
    searches: list[AskedOfGallery]


class Ranked(_Message):
    """The best rows of a shard for each probe, with their scores; see `search.Top`."""

    rows: list[list[int]]
    scores: list[list[int]]


class Answer(_Message):
    """What a shard has for each of the searches that it was asked for."""

    found: list[Ranked]


class Scattered:
    """The search of whole galleries, by asking every shard."""

    def __init__(self, front: Front) -> None:
        self.front = front

    async def search(self, runid: str, searches: Sequence[Probes], candidates: int) -> list[Top]:
        """The best rows of whole galleries for each of the probes; see `examiner.Elsewhere`.

        Raises:
            InteropError: what a shard says who cannot search this.
            InfrastructureError: to be asked again later.
        """
        asked = [AskedOfGallery.of(probes) for probes in searches]
        question = Question(run=runid, candidates=candidates, searches=asked)
        answers = [Answer.decoded(body) for body in await self.front.ask(question.encoded())]
        return [_whole([answer.found[number] for answer in answers], candidates) for number in range(len(asked))]


class Drawer:
    """A shard of the galleries of every run, searched for whoever asks."""

    def __init__(self, group: Group[Searches], shelf: Shelf) -> None:
        self.group = group
        self.shelf = shelf

    async def answer(self, shard: Shard, body: bytes) -> bytes:
        """What the shard has; see `scatter.keeper.Answering`.

        Raises:
            NotYetError: the run is not open.
        """
        question = Question.decoded(body)
        searches = await self.group.run(question.run)
        return await asyncio.to_thread(self._look_up, question, searches, shard)

    def _look_up(self, question: Question, searches: Searches, shard: Shard) -> bytes:
        tops = [
            self.shelf.top(searches.files, asked.taken(), question.candidates, shard) for asked in question.searches
        ]
        return Answer(found=[Ranked(rows=top.rows.tolist(), scores=top.scores.tolist()) for top in tops]).encoded()


def _whole(parts: Sequence[Ranked], candidates: int) -> Top:
    """The best of what every shard has found."""
    tops = [Top(np.array(part.rows, np.int64), np.array(part.scores, np.int64)) for part in parts]
    return merged(tops, candidates)
