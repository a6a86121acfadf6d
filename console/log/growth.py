"""How the log has grown, and which runs there are: what streams say of it."""

from collections.abc import Iterable, Mapping
from typing import Any

MOST_POINTS = 120
"""How many checkpoints are drawn."""

Point = dict[str, Any]


def points_of(published: Iterable[Mapping[str, Any]]) -> list[Point]:
    """When each checkpoint was published and how many entries it has, the oldest first.

    Args:
        published: events `checkpoint.published`, the newest first.
    """
    points = [{"at": event["time"], "size": int(event["data"]["size"])} for event in published]
    return thinned(points[::-1])


def thinned(points: list[Point], most: int = MOST_POINTS) -> list[Point]:
    """At most so many of some points, evenly, the first and the last always among them."""
    if len(points) <= most:
        return points
    last = len(points) - 1
    return [points[round(number * last / (most - 1))] for number in range(most)]


def runs_of(opened: Iterable[Mapping[str, Any]]) -> list[str]:
    """The ids of runs, each once, in the order of their events `run.opened`."""
    return list(dict.fromkeys(str(event["runid"]) for event in opened))
