"""A shard: one of N parts that together are the whole, none of them twice."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Shard:
    """Part `number` (from 1) of `of`."""

    number: int
    of: int

    def __post_init__(self) -> None:
        if not 1 <= self.number <= self.of:
            raise ValueError(f"there is no shard {self.number} of {self.of}")

    def __str__(self) -> str:
        return f"shard {self.number} of {self.of}"

    def rows(self, count: int) -> range:
        """Which of rows 0 to `count` - 1 are in this shard: neighbours, and as many as in any other, or one less."""
        return range((self.number - 1) * count // self.of, self.number * count // self.of)


WHOLE = Shard(1, 1)
"""Everything, where nothing is divided."""
