"""Who reads what: the groups that must have settled before a day may close. Audit is not among them.

The same table stands in `contracts/asyncapi.yaml`; a test holds the two to each other.
"""

from collections.abc import Mapping

CONTROL_READERS = ("booking", "biometric_match", "detainer.ero", "detainer.agency")

READERS: Mapping[str, tuple[str, ...]] = {
    "run.opened.v1": CONTROL_READERS,
    "day.ended.v1": ("booking",),
    "day.closed.v1": ("detainer.ero",),
    "fingerprints.submitted.v1": ("biometric_match",),
    "identification.returned.v1": ("booking",),
    "immigration.status.returned.v1": ("booking", "detainer.ero"),
    "detainer.decided.v1": ("booking",),
    "custody.changed.v1": ("detainer.agency", "detainer.ero"),
    "cooperation.decided.v1": ("booking", "detainer.ero"),
    "custody.claimed.v1": ("booking",),
    "outcome.recorded.v1": ("booking",),
}

TIMED_GROUPS = ("booking", "detainer.ero")
"""The groups whose cases wait for a time to come; a run ends when neither has one left."""
