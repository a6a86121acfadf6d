"""Audit reads every event, and of each only the envelope and the disclosures. It never looks at what was said."""

WATCHED = (
    "run.opened.v1",
    "day.ended.v1",
    "day.closed.v1",
    "booking.recorded.v1",
    "fingerprints.submitted.v1",
    "identification.returned.v1",
    "immigration.searched.v1",
    "immigration.status.returned.v1",
    "detainer.decided.v1",
    "custody.changed.v1",
    "cooperation.decided.v1",
    "custody.claimed.v1",
    "outcome.recorded.v1",
)
