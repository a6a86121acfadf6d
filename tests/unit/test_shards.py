"""Shards: together they are the whole, and nothing is in two of them."""

import pytest

from services.chassis.scatter import Shard


@pytest.mark.parametrize("rows", [0, 1, 2, 10_000, 10_001])
@pytest.mark.parametrize("of", [1, 2, 3, 7])
def test_every_row_is_in_one_shard_and_the_shards_are_in_order(rows: int, of: int) -> None:
    parts = [Shard(number, of).rows(rows) for number in range(1, of + 1)]

    assert [row for part in parts for row in part] == list(range(rows))


def test_shards_are_as_large_as_each_other() -> None:
    sizes = [len(Shard(number, 3).rows(10_000)) for number in (1, 2, 3)]

    assert sizes == [3333, 3333, 3334]


@pytest.mark.parametrize("number", [0, 3])
def test_there_is_no_shard_beyond_the_last(number: int) -> None:
    with pytest.raises(ValueError, match=f"there is no shard {number} of 2"):
        Shard(number, 2)
