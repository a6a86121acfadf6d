"""`python -m console.log.drilling URL FLIPS SEED`: the tamper drill on a copy of a served log, in a process of its own.

The copy is in memory: it is fetched over HTTP as anybody could, and nothing that is kept is touched. What somebody
has kept of the log is the first line of stdin: a checkpoint as a JSON string, empty for none.
"""

import json
import sys
import time
from collections.abc import Callable
from dataclasses import asdict

import httpx

from console.log.attacks import row_of
from console.working import Tell, run
from services.audit.tlog.checkpoint import parse_checkpoint
from services.audit.tlog.drill import drill
from services.audit.tlog.policy import parse_policy
from services.audit.tlog.tiles import CHECKPOINT, tiles_of
from services.chassis.errors import InteropError

MOST_ENTRIES = 50_000
"""A larger log is drilled by `interop audit drill`: a tree cannot be attacked in part."""

OnProgress = Callable[[str, int, int], None]

_TELL_SECONDS = 0.1


def drilled(
    read: Callable[[str], bytes], older: bytes, flips: int, seed: int, on_progress: OnProgress
) -> dict[str, object]:
    """Copies a log and attacks the copy.

    Args:
        read: reads a file of the log, by its path below the log's prefix.
        older: a checkpoint of it that somebody has kept; empty for none.
        flips: how many single bits are flipped.
        seed: draws the places.
        on_progress: told which step it is at, and how much of how much of it is done.

    Raises:
        InteropError: `log-too-large`; what `read` raises; what is wrong with the log as it is.
    """
    policy = parse_policy(read("policy").decode(errors="replace"))
    files = {CHECKPOINT: read(CHECKPOINT)}
    size = parse_checkpoint(files[CHECKPOINT])[0].size
    if size > MOST_ENTRIES:
        raise InteropError(
            "log-too-large",
            f"a log of {size:,} entries is too large to be attacked in the page, which takes up to"
            f" {MOST_ENTRIES:,}; run 'interop audit drill' beside it",
        )
    tiles = list(tiles_of(size))
    for number, tile in enumerate(tiles, start=1):
        files[tile.path] = read(tile.path)
        on_progress("copying the log", number, len(tiles))
    attacks = drill(
        files,
        policy,
        older or files[CHECKPOINT],
        flips=flips,
        seed=seed,
        on_progress=lambda done, total: on_progress("attacking the copy", done, total),
    )
    return {"size": size, "attacks": [asdict(row_of(each)) for each in attacks]}


def _fetched(client: httpx.Client, path: str) -> bytes:
    try:
        answer = client.get(f"/{path}")
    except httpx.HTTPError as error:
        raise InteropError("no-answer", f"audit does not answer ({type(error).__name__}); is it up?") from error
    if answer.is_error:
        raise InteropError("not-published", f"the log serves no '{path}'; its witnesses may have to cosign it first")
    return answer.content


def main() -> None:
    """Drills, and tells the result or the error as the last line."""
    url, flips, seed = sys.argv[1:]
    older = str(json.loads(sys.stdin.readline())).encode()

    def work(tell: Tell) -> dict[str, object]:
        with httpx.Client(base_url=url, timeout=30, trust_env=False) as client:
            return drilled(lambda path: _fetched(client, path), older, int(flips), int(seed), _seldom(tell))

    run(work)


def _seldom(tell: Tell) -> OnProgress:
    """Tells how far the drill is, not more often than somebody can see."""
    told_at = 0.0

    def on_progress(step: str, done: int, total: int) -> None:
        nonlocal told_at
        if time.monotonic() - told_at >= _TELL_SECONDS or done == total:
            told_at = time.monotonic()
            tell({"step": step, "done": done, "total": total})

    return on_progress


if __name__ == "__main__":
    main()
