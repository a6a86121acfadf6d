"""The days of a run without streams: the steps of booking's clock, and the same control events with the same ids.

Every event has its consequences at once, so the house is quiet whenever the clock looks. What is left of the clock is
the order: custody moves round by round until nothing of the day is left, then ICE works its lists.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sandbox.in_process.flow import Flow
from sandbox.in_process.routes import BOOKING, DAY_CLOSED, DAY_ENDED, ERO
from services.booking.events import DayClosed, DayEnded, RunOpened, RunSettings
from services.chassis.envelope import Produced, encode, event_id
from services.chassis.errors import InteropError


def opened(runid: str, settings: RunSettings) -> bytes:
    """The event that opens a run."""
    data = RunOpened.model_validate({**settings.model_dump(), "disclosures": ()})
    return _control(runid, data, settings.opened_on, 0, midnight(settings.opened_on, ZoneInfo(settings.time_zone)))


def midnight(day: date, zone: ZoneInfo) -> datetime:
    """The moment at which a day of the run begins."""
    return datetime.combine(day, time(), zone).astimezone(UTC)


class Days:
    """Closes the days of one run, in order."""

    def __init__(
        self, runid: str, opened_on: date, zone: ZoneInfo, flow: Flow, publish: Callable[[bytes], None]
    ) -> None:
        self.runid = runid
        self.open_day = opened_on
        self.zone = zone
        self.flow = flow
        self.publish = publish
        self.rounds: Counter[date] = Counter()
        """How many rounds custody took on each day that is closed."""

    def close(self) -> None:
        """Closes the open day.

        Raises:
            InteropError: `day-stuck`, when custody does not move.
        """
        day, ends_at = self.open_day, midnight(self.open_day + timedelta(days=1), self.zone)
        round_number = 0
        while due := self.flow.due(BOOKING, ends_at):
            before = [file.cases[BOOKING.group] for file in due]
            ended = DayEnded(day=day, round=round_number, ends_at=ends_at, disclosures=())
            body = _control(self.runid, ended, day, round_number, ends_at)
            self.publish(body)
            self.flow.wake(DAY_ENDED, body, due)
            if all(file.cases[BOOKING.group] is case for file, case in zip(due, before, strict=True)):
                raise InteropError("day-stuck", f"{day} cannot close: custody of {len(due)} people does not move")
            round_number += 1
        closed = DayClosed(day=day, ends_at=ends_at, disclosures=())
        body = _control(self.runid, closed, day, 0, ends_at)
        self.publish(body)
        self.flow.wake(DAY_CLOSED, body, self.flow.due(ERO, ends_at))
        self.rounds[day] = round_number
        self.open_day = day + timedelta(days=1)

    def close_before(self, day: date) -> Iterator[None]:
        """Closes every open day before `day`, and stops after each."""
        while self.open_day < day:
            self.close()
            yield

    def close_the_rest(self) -> Iterator[None]:
        """Nobody is booked any more: days close until no desk waits for a time. Stops after each."""
        self.close()
        yield
        while self.flow.waits:
            self.close()
            yield


def _control(runid: str, data: Produced, day: date, ordinal: int, at: datetime) -> bytes:
    about = day.isoformat()
    identity = event_id(runid, data.event_type, about, ordinal)
    return encode(data, identity=identity, runid=runid, subject=about, time=at, tcn=None, cause=None)
