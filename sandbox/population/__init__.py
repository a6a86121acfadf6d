"""The people of a scenario: columns of who they truly are, and the bookings that the services see of them."""

from sandbox.population.bodies import bodies, bookings
from sandbox.population.people import (
    NOBODY,
    NOWHERE,
    TRUE_STATUSES,
    People,
    number_of,
    oca_of,
    people,
    rosters,
    subjects_of,
)

__all__ = [
    "NOBODY",
    "NOWHERE",
    "TRUE_STATUSES",
    "People",
    "bodies",
    "bookings",
    "number_of",
    "oca_of",
    "people",
    "rosters",
    "subjects_of",
]
