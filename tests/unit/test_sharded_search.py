"""A search that is shared out finds what one process finds: the same candidates, in the same order."""

import asyncio
from collections.abc import Sequence

import numpy as np
import pytest

from services.biometric_match.examiner import Probes, Shelf
from services.biometric_match.gallery import Files, GalleryKind
from services.biometric_match.prints import TEN
from services.biometric_match.shards import AskedOfGallery, Drawer, Question, Scattered
from services.chassis.scatter import Shard

FILES = Files(seed=2008, rows=1_000, overlap=100)
CANDIDATES = 10


class AllShards:
    """The front of a house that is up: every shard answers, each from its own rows alone."""

    def __init__(self, files: Files, of: int) -> None:
        self.shelves = {Shard(number, of): Shelf() for number in range(1, of + 1)}
        self.files = files
        self.asked: list[bytes] = []

    async def ask(self, body: bytes) -> list[bytes]:
        self.asked.append(body)
        return [await Drawer(self, shelf).answer(shard, body) for shard, shelf in self.shelves.items()]

    async def run(self, _: str) -> "AllShards":
        return self


def probes(gallery: GalleryKind = "iafis", rows: Sequence[int] = (0, 499, 500, 999)) -> Probes:
    """What some rows hold, as probes, and a stranger; of the first one a thumb is missing."""
    codes = np.vstack([FILES.codes(gallery, np.array(rows)).T, np.arange(TEN, dtype=np.uint64)])
    compared = np.ones(codes.shape, np.bool_)
    compared[0, 0] = False
    return Probes(gallery, codes, compared)


def searched(of: int, *asked: Probes, files: Files = FILES) -> list[list[list[int]]]:
    tops = asyncio.run(Scattered(AllShards(files, of)).search("heron-run", asked, CANDIDATES))
    return [[top.rows.tolist(), top.scores.tolist()] for top in tops]


@pytest.mark.parametrize("of", [2, 3, 7])
def test_shards_find_together_what_one_process_finds(of: int) -> None:
    asked = (probes("iafis"), probes("ident"))
    alone = [Shelf().top(FILES, each, CANDIDATES) for each in asked]

    assert searched(of, *asked) == [[top.rows.tolist(), top.scores.tolist()] for top in alone]


def test_of_equal_scores_the_lowest_row_comes_first_whichever_shard_it_is_in() -> None:
    nothing_compared = Probes("iafis", np.zeros((1, TEN), np.uint64), np.zeros((1, TEN), np.bool_))

    ((rows, scores),) = searched(3, nothing_compared)

    assert rows == [list(range(CANDIDATES))]
    assert scores == [[0] * CANDIDATES]


def test_shards_that_have_no_rows_do_no_harm() -> None:
    few = Files(seed=2008, rows=2, overlap=0)

    ((rows, _),) = searched(5, probes(rows=(0, 1)), files=few)

    assert [row[:3] for row in rows[:2]] == [[0, 1, -1], [1, 0, -1]]


def test_a_question_says_which_run_and_which_codes_and_nothing_about_anybody() -> None:
    house = AllShards(FILES, 2)
    asyncio.run(Scattered(house).search("heron-run", [probes()], CANDIDATES))

    (body,) = house.asked
    question = Question.decoded(body)
    assert (question.run, question.candidates) == ("heron-run", CANDIDATES)
    assert set(Question.model_fields) | set(AskedOfGallery.model_fields) == {
        "run",
        "candidates",
        "searches",
        "gallery",
        "probes",
    }
    first = question.searches[0].probes[0]
    assert first[0] is None
    assert all(len(code) == 16 for code in first[1:])


def test_the_probes_arrive_as_they_were_sent() -> None:
    sent = probes("ident")

    taken = AskedOfGallery.of(sent).taken()

    assert taken.gallery == "ident"
    assert (taken.compared == sent.compared).all()
    assert (taken.codes[sent.compared] == sent.codes[sent.compared]).all()
