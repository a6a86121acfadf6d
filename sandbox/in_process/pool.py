"""Shards in the order of time, made ahead by other processes."""

import gc
import multiprocessing
import signal
from collections import deque
from collections.abc import Generator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass

from sandbox.in_process.shards import Order, Shard, work
from services.chassis.errors import InteropError

AHEAD = 2
"""Shards that may lie ready for each worker: more would only fill the memory."""


RARELY = 100_000
"""New objects after which a worker looks for those that hold each other in a circle."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """An InteropError as it comes from another process: exceptions with more than a message do not travel."""

    code: str
    sentence: str
    status: int


def worked(orders: Sequence[Order], workers: int) -> Generator[Shard, None, None]:
    """The shards, in order. One alone, or all without workers, are made in this process.

    Raises:
        InteropError: what a handler refused; `worker-lost`, when a process was ended from outside.
    """
    if workers == 0 or len(orders) == 1:
        yield from map(work, orders)
        return
    # `spawn`: nothing of this process is copied into the others, its threads and connections least of all.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(min(workers, len(orders)), context, _begin)
    under_way: deque[Future[Shard | Refusal]] = deque()
    try:
        for order in orders:
            under_way.append(pool.submit(attempt, order))
            if len(under_way) > AHEAD * workers:
                yield _made(under_way.popleft())
        while under_way:
            yield _made(under_way.popleft())
    except BrokenProcessPool as error:
        sentence = "a worker process was ended, perhaps for want of memory; try again with fewer --workers"
        raise InteropError("worker-lost", sentence, status=503) from error
    finally:
        pool.shutdown(cancel_futures=True)


def attempt(order: Order) -> Shard | Refusal:
    """What a worker process does."""
    try:
        return work(order)
    except InteropError as error:
        return Refusal(error.code, error.sentence, error.status)


def _made(shard: Future[Shard | Refusal]) -> Shard:
    made = shard.result()
    if isinstance(made, Refusal):
        raise InteropError(made.code, made.sentence, status=made.status)
    return made


def _begin() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent sees to it
    # Cases hold no circles; looking for some among what is loaded once and for all costs a twentieth of the time.
    gc.freeze()
    gc.set_threshold(RARELY)
