"""Audit without its process: a ledger, the streams of a real Redis, and events on their way from these to that."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter
from redis import Redis

from services.audit.domain import Reconciliation
from services.audit.events import WATCHED
from services.audit.expunge import Expunger, Forget
from services.audit.ledger import Ledger, LedgerReader
from services.audit.positions import GROUP, format_id, settled
from services.audit.reconcile import Reconciler
from services.audit.settings import AuditSettings
from services.chassis.delivery import keys
from services.chassis.delivery.stages import Arrival
from services.chassis.envelope import Consumed, Event
from services.chassis.errors import InteropError
from tests.unit.ledgers import AuditEvent, head_of, notice, open_ledger, submission

SUBMITTED = "fingerprints.submitted.v1"
CHANGED = "custody.changed.v1"
CLOSED = "day.closed.v1"
HERON = "ZZ0010000/B-41"
TEAL = "ZZ0010000/B-42"

_EVENT: TypeAdapter[Event[Consumed]] = TypeAdapter(Event[Consumed])


def submitted(oca: str = "B-41", **about: Any) -> AuditEvent:
    """Two disclosures."""
    return submission(oca, **about).model_copy(update={"type": SUBMITTED})


def changed(oca: str = "B-41", number: int = 1) -> AuditEvent:
    """One disclosure."""
    return notice(oca, number).model_copy(update={"type": CHANGED})


def silent(oca: str = "B-41") -> AuditEvent:
    """An event about somebody that discloses nothing."""
    return submission(oca, hops=()).model_copy(update={"type": CHANGED, "id": f"silent-{oca}"})


class AuditHouse:
    """Takes events in as the service does: read with a group, kept, acknowledged. `start` and `stop` are its life."""

    def __init__(self, redis: Redis, folder: Path) -> None:
        self.redis = redis
        self.folder = folder
        self.ledger: Ledger
        for event_type in WATCHED:
            self.group(event_type, GROUP)

    def start(self) -> "AuditHouse":
        self.ledger = open_ledger(self.folder)
        return self

    def stop(self) -> None:
        self.ledger.close()

    def group(self, event_type: str, name: str) -> None:
        self.redis.xgroup_create(keys.stream(event_type), name, id="0", mkstream=True)

    def put(self, *events: AuditEvent) -> list[str]:
        """Publishes events; tells where each stands."""
        return [self.redis.xadd(keys.stream(each.type), {"event": each.model_dump_json()}).decode() for each in events]

    def take_in(self) -> None:
        """Reads everything that is new, keeps it, and acknowledges what was kept or refused."""
        for event_type in WATCHED:
            stream = keys.stream(event_type)
            answer: Any = self.redis.xreadgroup(GROUP, "worker-1", {stream: ">"})
            for entry_id, fields in answer[0][1] if answer else []:
                self.keep(entry_id.decode(), _EVENT.validate_json(fields[b"event"]))
                self.redis.xack(stream, GROUP, entry_id)

    def keep(self, entry_id: str, event: AuditEvent) -> None:
        """Keeps an event. One that tells another story under a known id is passed over: it is a dead letter."""
        try:
            self.ledger.keep([Arrival(entry_id, event)])
        except InteropError as refusal:
            if refusal.code != "conflicting-event":
                raise

    def publish(self) -> None:
        """As if the witnesses had cosigned the head."""
        covered = {stream: format_id(at) for stream, at in settled(self.redis, WATCHED).items()}
        head = head_of(self.ledger)
        self.ledger.log.publish(type(head)(head.size, head.note, covered, 0.0))

    def expunger(self, forget: Forget = lambda _, __: 0) -> Expunger:
        return Expunger(self.redis, self.ledger, forget)

    def reconcile(self) -> Reconciliation:
        """As `interop audit reconcile` does it."""
        with self.reader() as reader:
            return Reconciler(self.redis, reader).whole()

    @contextmanager
    def reader(self) -> Iterator[LedgerReader]:
        settings = AuditSettings(state_dir=self.folder)
        reader = LedgerReader(settings.read_log(), settings.read_vault())
        try:
            yield reader
        finally:
            reader.close()

    def entries_of_events(self) -> int:
        return sum(int(self.redis.xlen(keys.stream(event_type))) for event_type in WATCHED)
