"""Shards in the order of time, searched and made ahead by other processes; between the two, each is settled here."""

import gc
import multiprocessing
import signal
from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import Any, TypeVar

from sandbox.enrolling import Enrolling
from sandbox.in_process.searches import Searched
from sandbox.in_process.shards import Order, Shard, search, work
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


Made = TypeVar("Made")


def worked(orders: Sequence[Order], enrolling: Enrolling, workers: int) -> Generator[Shard, None, None]:
    """The shards, in order. One alone, or all without workers, are made in this process.

    Args:
        orders: what they are made of, in the order of time.
        enrolling: the enrolments of the run, none yet.
        workers: how many processes make them.

    Raises:
        InteropError: what a handler refused; `worker-lost`, when a process was ended from outside.
    """
    if workers == 0 or len(orders) == 1:
        for order in orders:
            yield work(order, settled(order, search(order), enrolling))
        return
    # `spawn`: nothing of this process is copied into the others, its threads and connections least of all.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(min(workers, len(orders)), context, _begin)
    searching: deque[tuple[Order, Future[Searched | Refusal]]] = deque()
    making: deque[Future[Shard | Refusal]] = deque()

    def settle_next() -> None:
        order, searched = searching.popleft()
        making.append(pool.submit(attempt, work, order, settled(order, _made(searched), enrolling)))

    try:
        for order in orders:
            searching.append((order, pool.submit(attempt, search, order)))
            if len(searching) > AHEAD * workers:
                settle_next()
            if len(making) > AHEAD * workers:
                yield _made(making.popleft())
        while searching:
            settle_next()
        while making:
            yield _made(making.popleft())
    except BrokenProcessPool as error:
        sentence = "a worker process was ended, perhaps for want of memory; try again with fewer --workers"
        raise InteropError("worker-lost", sentence, status=503) from error
    finally:
        pool.shutdown(cancel_futures=True)


def settled(order: Order, found: Searched, enrolling: Enrolling) -> Searched:
    """What was found of a shard's people, once it is known who is known by whose enrolment. Shards come in order."""
    return found.settled(enrolling.settle(order.people(), found.unmatched))


def attempt(step: Callable[..., Made], *arguments: Any) -> Made | Refusal:
    """What a worker process does."""
    try:
        return step(*arguments)
    except InteropError as error:
        return Refusal(error.code, error.sentence, error.status)


def _made(made: Future[Made | Refusal]) -> Made:
    result = made.result()
    if isinstance(result, Refusal):
        raise InteropError(result.code, result.sentence, status=result.status)
    return result


def _begin() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent sees to it
    # Cases hold no circles; looking for some among what is loaded once and for all costs a twentieth of the time.
    gc.freeze()
    gc.set_threshold(RARELY)
