"""The four services in memory: their own wiring, handlers and encoding, and no Redis.

What a service would read from a stream it is handed here, and what it would commit is kept here. So a test sees what
the services really say, in every variant, in milliseconds. How entries are delivered is not shown here; the tests
under tests/integration/ do that.
"""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from pathlib import Path
from typing import Any, cast
from zoneinfo import ZoneInfo

from pydantic import TypeAdapter
from pydantic_core import from_json

from services.audit import app as audit
from services.audit.settings import AuditSettings
from services.biometric_match import app as biometric_match
from services.biometric_match.enrolled import Enrolments
from services.biometric_match.examiner import Examiner
from services.biometric_match.settings import MatcherSettings
from services.booking import app as booking
from services.booking.clock import Reading
from services.booking.events import BookingRequest, DayClosed, DayEnded, RunOpened, RunSettings
from services.booking.house import TIMED_GROUPS
from services.booking.identifiers import tcn_of
from services.booking.intake import _item
from services.chassis.delivery.stage import Stage
from services.chassis.delivery.stages import BatchStage, CaseStage, DueStage, RunOpenedStage, SinkStage
from services.chassis.effects import Case, DueCase, Outcome
from services.chassis.envelope import CaseId, Consumed, Event, Produced, encode, event_id
from services.chassis.service import Service
from services.detainer import app as detainer
from services.detainer.policies import DetainerSettings

Raw = dict[str, Any]
"""An event as it is on the wire."""


@cache
def reader(model: type[Consumed]) -> TypeAdapter[Event[Any]]:
    """What reads the events of a stage."""
    return TypeAdapter(Event[model])


@contextmanager
def built_services(folder: Path) -> Iterator[dict[str, Service]]:
    """The four services as they are built at their start, none of them started. Audit keeps its files in `folder`."""
    services = {
        "booking": booking.build(booking.BookingSettings(state_dir=folder)),
        "biometric_match": biometric_match.build(MatcherSettings(state_dir=folder)),
        "detainer": detainer.build(DetainerSettings(state_dir=folder)),
        "audit": audit.build(AuditSettings(state_dir=folder)),
    }
    (enrolments,) = services["biometric_match"].wholes
    for stage in services["biometric_match"].stages:
        if isinstance(stage, BatchStage):
            # Without a Redis, nobody has scripted the matcher.
            stage.ask = Examiner(cast(Enrolments, enrolments.memory)).examine
    for service in services.values():
        for whole in service.wholes:
            # There is nothing to catch up with: a house hands over what is said at once.
            whole.catch_up = whole.again = _nothing_new  # type: ignore[method-assign]
    yield services
    for close in services["audit"].endings:
        close()


async def _nothing_new() -> None:
    """Whoever is asked has read everything."""


@dataclass
class House:
    """One run of the services. `events` is everything that was said, in order."""

    services: Mapping[str, Service]
    runid: str
    settings: RunSettings
    events: list[Raw] = field(default_factory=list)
    _prepared: dict[str, Any] = field(default_factory=dict)
    _cases: dict[str, dict[CaseId, Case]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for service in self.services.values():
            for whole in service.wholes:
                for event_type in whole.streams:
                    whole.memory.clear(event_type)
                    whole.memory.complete(event_type)
        data = RunOpened.model_validate({**self.settings.model_dump(), "disclosures": ()})
        self._control(data, self.settings.opened_on, 0, self._midnight(self.settings.opened_on))
        self._day = self.settings.opened_on

    def book(self, request: BookingRequest) -> str:
        """Takes a booking in, as `POST /bookings` does; tells its tcn."""
        reading = Reading(self._day, ZoneInfo(self.settings.time_zone), "open")
        item = _item(self.runid, request, reading, self._prepared["booking"], None)
        tcn = tcn_of(self.runid, request.ori, request.oca)
        case_model = self._stage("booking", "detainer.decided.v1").case_model
        _, subject, body = item.case
        self._remember("booking", CaseId(self.runid, tcn, subject), case_model.model_validate_json(body))
        for _, event in item.appends:
            self._publish(event)
        return tcn

    def finish(self, most_days: int = 400) -> list[Raw]:
        """Closes days until nobody waits for a time any more; tells everything that was said."""
        for _ in range(most_days):
            self._close_day()
            if not any(case.wake_at for group in TIMED_GROUPS for case in self._cases.get(group, {}).values()):
                return self.events
        raise AssertionError(f"somebody still waits after {most_days} days")

    def said(self, event_type: str, **data: Any) -> list[Raw]:
        """The events of a type whose data have these values."""
        of_type = [event for event in self.events if event["type"] == event_type]
        return [event for event in of_type if data.items() <= event["data"].items()]

    def _close_day(self) -> None:
        ends_at = self._midnight(self._day + timedelta(days=1))
        round_number = 0
        while self._due("booking", ends_at):
            ended = DayEnded(day=self._day, round=round_number, ends_at=ends_at, disclosures=())
            self._control(ended, self._day, round_number, ends_at)
            round_number += 1
        self._control(DayClosed(day=self._day, ends_at=ends_at, disclosures=()), self._day, 0, ends_at)
        self._day += timedelta(days=1)

    def _midnight(self, day: date) -> datetime:
        return datetime.combine(day, time(), ZoneInfo(self.settings.time_zone)).astimezone(UTC)

    def _control(self, data: Produced, day: date, ordinal: int, at: datetime) -> None:
        about = day.isoformat()
        identity = event_id(self.runid, data.event_type, about, ordinal)
        body = encode(data, identity=identity, runid=self.runid, subject=about, time=at, tcn=None, cause=None)
        self._publish(body)

    def _publish(self, body: bytes) -> None:
        waiting = [body]
        while waiting:
            body = waiting.pop(0)
            self.events.append(from_json(body))
            for service in self.services.values():
                for whole in service.wholes:
                    if self.events[-1]["type"] in whole.streams:
                        whole.take(self.events[-1]["type"], [{b"event": body}])
                for stage in service.stages:
                    if stage.event_type == self.events[-1]["type"]:
                        waiting += self._hand(stage, body)

    def _hand(self, stage: Stage[Any], body: bytes) -> list[bytes]:
        event = reader(stage.model).validate_json(body)
        group = stage.group
        if isinstance(stage, SinkStage) or not event.is_disclosed_to(group.party):
            return []
        if isinstance(stage, RunOpenedStage):
            self._prepared[group.name] = group.prepare(body)
            return []
        outcomes = self._outcomes(stage, event, self._prepared[group.name])
        appends = []
        for case_id, outcome in outcomes:
            appends += stage.effects.append(case_id, outcome.emits, event.id)
            if outcome.case is not None:
                self._remember(group.name, case_id, outcome.case)
        return [append.fields["event"] for append in appends]

    def _outcomes(self, stage: Stage[Any], event: Event[Any], run: Any) -> list[tuple[CaseId, Outcome[Any]]]:
        match stage:
            case CaseStage():
                known = self._cases.get(stage.group.name, {}).get(event.case)
                return [(event.case, stage.handler(event, known, run))]
            case BatchStage():
                (outcome,) = stage.decide([event], asyncio.run(stage.ask([event], run)), run)
                return [(event.case, outcome)]
            case DueStage():
                return list(stage.handler(event, self._due(stage.group.name, stage.before(event)), run))
        raise AssertionError(f"{stage.name} is a stage of a kind that this house does not know")

    def _due(self, group: str, before: datetime) -> list[DueCase[Any]]:
        cases = self._cases.get(group, {}).items()
        due = [DueCase(case_id, case) for case_id, case in cases if case.wake_at is not None and case.wake_at < before]
        return sorted(due, key=lambda waiting: (waiting.case.wake_at, waiting.id.subject))

    def _remember(self, group: str, case_id: CaseId, case: Case) -> None:
        kept = type(case).model_validate_json(case.model_dump_json(exclude_defaults=True))
        self._cases.setdefault(group, {})[case_id] = kept

    def _stage(self, service: str, event_type: str) -> CaseStage[Any, Any, Any]:
        (stage,) = [stage for stage in self.services[service].stages if stage.event_type == event_type]
        return stage
