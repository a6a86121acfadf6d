"""Audit reads of each event the envelope and the disclosures, and never what was said. It tells how far the log is."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import ClassVar

from services.audit.tlog.checkpoint import Checkpoint
from services.audit.tlog.notes import to_base64
from services.chassis.envelope import Produced, encode, event_id

WATCHED = (
    "run.opened.v1",
    "day.ended.v1",
    "day.closed.v1",
    "booking.recorded.v1",
    "fingerprints.submitted.v1",
    "identification.returned.v1",
    "arrest.enrolled.v1",
    "immigration.searched.v1",
    "encounter.enrolled.v1",
    "immigration.status.returned.v1",
    "detainer.decided.v1",
    "custody.changed.v1",
    "cooperation.decided.v1",
    "custody.claimed.v1",
    "outcome.recorded.v1",
)

RUNLESS = "audit"
"""The run of an event that is about all of them: the log does not begin anew with each."""


class CheckpointPublished(Produced):
    """The log has a new checkpoint, which its witnesses have cosigned."""

    event_type: ClassVar[str] = "checkpoint.published.v1"
    party: ClassVar[str] = "audit"

    origin: str
    size: int
    root: str
    covered: dict[str, str]


def announcement(checkpoint: Checkpoint, covered: Mapping[str, str], at: float) -> bytes:
    """The event of a published checkpoint. The same checkpoint makes the same event, however often it is sent.

    Args:
        checkpoint: what was published.
        covered: for each stream, the last entry up to which everything is in that log.
        at: when it was published, in seconds since 1970.
    """
    data = CheckpointPublished(
        disclosures=(),
        origin=checkpoint.origin,
        size=checkpoint.size,
        root=to_base64(checkpoint.root),
        covered=dict(covered),
    )
    about = f"{checkpoint.origin}/{checkpoint.size}"
    return encode(
        data,
        identity=event_id(RUNLESS, data.event_type, about, 0),
        runid=RUNLESS,
        subject=about,
        time=datetime.fromtimestamp(at, UTC),
        tcn=None,
        cause=None,
    )
