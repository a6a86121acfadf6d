"""What is appended: the disclosures of one run, and of the same run again and again under other names."""

from collections.abc import Iterator, Sequence
from itertools import count
from secrets import token_bytes

from pydantic import TypeAdapter

from sandbox.in_process import run_in_process
from sandbox.scenario import load_scenario, resolve
from services.audit.domain import Profile, entry_of, rows_of
from services.audit.log import Append, Position, event_key
from services.audit.vault import Secret
from services.chassis.delivery import keys
from services.chassis.envelope import Consumed, Event, event_id

SCENARIO = "boston-2008-2010"
SEED = 2008
PROFILE: Profile = "open"
MOST_BOOKINGS, FEWEST_BOOKINGS = 5_000, 50
"""Of the run. Five thousand are those of `interop run` and make some 32,000 entries."""

ENTRIES_A_BOOKING = 6
FIRST_MS = 1_800_000_000_000
EVENTS_A_MS = 5
"""As the positions of events in a stream have it: audit takes in a few a millisecond."""

AuditEvent = Event[Consumed]
EVENT: TypeAdapter[AuditEvent] = TypeAdapter(AuditEvent)

Batch = list[Append]


def appends(entries: int) -> Iterator[Append]:
    """What the events of runs add to a log, without end; `entries` says roughly how many will be taken."""
    events = disclosing(max(FEWEST_BOOKINGS, min(MOST_BOOKINGS, entries // ENTRIES_A_BOOKING)))
    secret = Secret(0, token_bytes(32))
    for number in count():
        run, place = divmod(number, len(events))
        ms, seq = divmod(number, EVENTS_A_MS)
        yield append_of(
            events[place], f"bench-{run:06}", Position(keys.stream(events[place].type), FIRST_MS + ms, seq), secret
        )


def append_of(event: AuditEvent, runid: str, position: Position, secret: Secret) -> Append:
    """What an event adds to the log in a run of another name."""
    identity = event_id(runid, event.type, event.id, 0)
    again = event.model_copy(update={"id": identity, "runid": runid})
    entries = tuple(entry_of(row, secret.commitment(row), PROFILE) for row in rows_of(again))
    return Append(event_key(runid, event.time, identity), position, entries)


def disclosing(bookings: int) -> Sequence[AuditEvent]:
    """The events of a run that disclose something, in the order of the simulated time."""
    scenario = load_scenario(SCENARIO)
    settings = resolve(scenario, seed=SEED, bookings=bookings)
    raw: list[bytes] = []
    run_in_process(scenario, settings, "bench", SEED, bookings, workers=0, search="mates", on_event=raw.append)
    events = (EVENT.validate_json(each) for each in raw)
    return sorted((event for event in events if event.data.disclosures), key=lambda event: event.time)


def batches(source: Iterator[Append], size: int) -> Iterator[Batch]:
    """Whole events, as few as make at least `size` entries."""
    batch: Batch = []
    entries = 0
    for append in source:
        batch.append(append)
        entries += len(append.entries)
        if entries >= size:
            yield batch
            batch, entries = [], 0
