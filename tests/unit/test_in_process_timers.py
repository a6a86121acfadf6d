"""When a desk wants to look at which file: the earliest first, each once, and none that it no longer wants."""

from datetime import UTC, datetime, timedelta

from sandbox.in_process.flow import Timers
from services.chassis.envelope import CaseId

DAWN = datetime(2008, 10, 27, 6, tzinfo=UTC)
HERON, TERN = CaseId("run", "ZZ-1", "ZZ0130100/B-2"), CaseId("run", "ZZ-2", "ZZ0130100/B-1")


def an_hour(after: int) -> datetime:
    return DAWN + timedelta(hours=after)


def test_the_earliest_comes_first_and_of_one_time_the_first_reference() -> None:
    timers = Timers()
    timers.set(HERON, an_hour(1))
    timers.set(TERN, an_hour(1))
    assert timers.due(an_hour(2)) == [TERN.tcn, HERON.tcn]
    timers.set(HERON, DAWN)
    assert timers.due(an_hour(2)) == [HERON.tcn, TERN.tcn]


def test_what_is_due_at_the_end_of_the_day_itself_is_not_due_within_it() -> None:
    timers = Timers()
    timers.set(HERON, an_hour(1))
    assert timers.due(an_hour(1)) == []


def test_what_is_due_stays_due_until_it_is_set_anew() -> None:
    timers = Timers()
    timers.set(HERON, DAWN)
    assert timers.due(an_hour(1)) == timers.due(an_hour(1)) == [HERON.tcn]
    timers.set(HERON, an_hour(2))
    assert timers.due(an_hour(1)) == []
    assert timers.due(an_hour(3)) == [HERON.tcn]


def test_a_timer_that_comes_back_to_its_time_rings_once() -> None:
    timers = Timers()
    for wake_at in (DAWN, an_hour(2), DAWN):
        timers.set(HERON, wake_at)
    assert timers.due(an_hour(1)) == [HERON.tcn]


def test_nobody_waits_once_the_last_timer_is_put_away() -> None:
    timers = Timers()
    timers.set(HERON, DAWN)
    assert timers
    timers.set(HERON, None)
    assert not timers
    assert timers.due(an_hour(1)) == []
