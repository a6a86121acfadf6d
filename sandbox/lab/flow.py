"""From a population to its results: search, triage, cooperation, custody, endings, all in columns."""

from zoneinfo import ZoneInfo

from sandbox.lab.agency import ask, exercise
from sandbox.lab.custody import custody_of
from sandbox.lab.docket import docket_of, practice_of
from sandbox.lab.matches import enrolling_of, search, settled
from sandbox.lab.tables import bookings_table, cases_table, matches_table
from sandbox.population import People
from sandbox.results import Results
from services.booking.events import RunSettings


def simulate(people: People, settings: RunSettings, *, only_on_file: bool = False) -> Results:
    """What a run of these people comes to.

    Args:
        people: all bookings of the run, in order: day lists need everybody.
        settings: what the run is pinned to; its seed and galleries are those of the people.
        only_on_file: search only those of whom IDENT has a record. False matches of strangers, who is identified by
            the FBI but not matched, and who is known by an enrolment are then left out; everything else is the same,
            in a tenth of the time.

    Raises:
        InteropError: as `decide` does, when a policy contradicts itself in a case that occurs.
    """
    found = search(people, settings, only_on_file=only_on_file)
    if not only_on_file:
        found = settled(people, found, enrolling_of(people.scenario, settings))
    docket = docket_of(people, found, settings)
    practice = practice_of(settings)
    cooperation = exercise(ask(practice.policy, docket.asked), practice, docket.drawn)
    zone = ZoneInfo(settings.time_zone)
    return Results(
        bookings=bookings_table(people, found, zone, only_on_file=only_on_file),
        cases=cases_table(docket, matches_table(docket), cooperation, custody_of(docket, cooperation)),
    )
