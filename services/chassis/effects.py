"""What a handler returns: the case as it is now, and the events that follow. Handlers never publish.

Only what is returned is part of the commit, so a handler may run twice and the effect still happens once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict

from services.chassis.envelope import CaseId, Produced


class Case(BaseModel):
    """The base of what a service remembers about one booking.

    `wake_at` is when the case next wants to be looked at; it is looked at when the day that holds it closes.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    wake_at: AwareDatetime | None = None


CaseT = TypeVar("CaseT", bound=Case)


@dataclass(frozen=True, slots=True)
class Emit:
    """An event to publish with the commit.

    `ordinal` tells the events of one type in one case apart; it is derived from the cause, never from the order
    of arrival. `cause` is the id of the event behind it, when that is not the input.
    """

    data: Produced
    time: datetime
    ordinal: int = 0
    cause: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome(Generic[CaseT]):
    """What follows from one event for one case. `case=None` leaves the case as it was."""

    case: CaseT | None = None
    emits: Sequence[Emit] = ()


@dataclass(frozen=True, slots=True)
class DueCase(Generic[CaseT]):
    """A case whose time has come when a day ends or closes."""

    id: CaseId
    case: CaseT


class NotYetError(Exception):
    """The event is fine but something that it needs has not arrived; it stays pending and is tried again."""
