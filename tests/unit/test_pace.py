"""The pace of a process: entries wait while it is halted, and come one by one while it is slowed down."""

import asyncio
import time

import pytest

from services.chassis.delivery.pace import Pace

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def settle() -> None:
    """Lets everything run that can run now."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_nobody_waits_where_nobody_has_touched_anything() -> None:
    assert await Pace().allowed(256) == 256


async def test_while_it_is_paused_nothing_is_allowed_and_then_all_of_it_is() -> None:
    pace = Pace()
    pace.pause()
    waiting = asyncio.create_task(pace.allowed(256))
    await settle()
    assert not waiting.done()

    pace.resume()

    assert await waiting == 256


async def test_slowed_down_entries_come_one_by_one_each_after_its_wait() -> None:
    pace = Pace()
    pace.slow_down(20)
    began = time.monotonic()

    assert [await pace.allowed(256) for _ in range(3)] == [1, 1, 1]

    assert time.monotonic() - began >= 0.06


async def test_full_speed_again_ends_a_long_wait() -> None:
    pace = Pace()
    pace.slow_down(60_000)
    waiting = asyncio.create_task(pace.allowed(9))
    await settle()

    pace.slow_down(0)

    assert await waiting == 9


async def test_a_pause_also_holds_up_what_was_only_slow() -> None:
    pace = Pace()
    pace.slow_down(1)
    pace.pause()
    waiting = asyncio.create_task(pace.allowed(9))
    await asyncio.sleep(0.01)
    assert not waiting.done()

    pace.resume()

    assert await waiting == 1, "it is slow still"


async def test_a_process_that_is_to_end_waits_for_nothing() -> None:
    halted, slow = Pace(), Pace()
    halted.pause()
    slow.slow_down(60_000)
    waiting = [asyncio.create_task(pace.allowed(9)) for pace in (halted, slow)]
    opening = asyncio.create_task(halted.open())
    await settle()
    assert not opening.done()

    halted.free()
    slow.free()

    assert await asyncio.gather(*waiting) == [9, 9]
    await opening
    assert (halted.paused, slow.slow_ms) == (False, 0)
