"""A ledger in a folder, and events as they reach it; what the public sees of its log; what lies in its files."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from services.audit.domain import Profile, Row, rows_of
from services.audit.ledger import Ledger
from services.audit.log import Published
from services.audit.settings import AuditSettings
from services.audit.tlog.tiles import tiles_of, unpack_bundle
from services.chassis.delivery.stages import Arrival
from services.chassis.envelope import Consumed, Event
from tests.unit.builders import BOOKED_AT, an_event, case_id, disclosed

AuditEvent = Event[Consumed]
Arrivals = list[Arrival[Consumed]]

SUBMISSION = (disclosed("LEA", "SIB", "biometric", "charge"), disclosed("SIB", "FBI", "biometric", "charge"))
NOTICE = (disclosed("LEA", "ICE", "release_date"),)


def submission(oca: str = "B-41", hops: Sequence[Any] = SUBMISSION, **about: Any) -> AuditEvent:
    return an_event(Consumed(disclosures=tuple(hops)), BOOKED_AT, case_id(oca, **about))


def notice(oca: str = "B-41", number: int = 1) -> AuditEvent:
    return an_event(Consumed(disclosures=NOTICE), BOOKED_AT + timedelta(hours=number), case_id(oca), ordinal=number)


def arriving(*events: AuditEvent, at: int = 1) -> Arrivals:
    """Events with the ids of their entries: `1-0`, `1-1`, and so on."""
    return [Arrival(f"{at}-{number}", event) for number, event in enumerate(events)]


def rows(*events: AuditEvent) -> set[Row]:
    return {row for event in events for row in rows_of(event)}


def open_ledger(folder: Path, profile: Profile = "open", linger: float = 0.0) -> Ledger:
    settings = AuditSettings(state_dir=folder, log_profile=profile)
    return Ledger(settings.open_log(), settings.open_vault(), linger)


def head_of(ledger: Ledger) -> Published:
    """The head, as if it were published as it is."""
    checkpoint, note = ledger.log.head()
    return Published(checkpoint.size, note, {}, 0.0)


def public_files(ledger: Ledger) -> dict[str, bytes]:
    """Every file that the public may read of a log, once its head is published."""
    head = head_of(ledger)
    names = ["checkpoint", *(tile.path for tile in tiles_of(head.size))]
    return {name: ledger.log.read_file(name, head) or b"" for name in names}


def logged(ledger: Ledger) -> list[bytes]:
    """The entries, as the public reads them."""
    bundles = [content for name, content in public_files(ledger).items() if name.startswith("tile/entries/")]
    return [entry for bundle in bundles for entry in unpack_bundle(bundle)]


def files_of(folder: Path, name: str) -> Iterator[bytes]:
    """What lies in a database's file and in its journal."""
    return (path.read_bytes() for path in folder.glob(f"{name}*"))


def lies_in(needle: bytes, contents: Iterable[bytes]) -> bool:
    return any(needle in content for content in contents)
