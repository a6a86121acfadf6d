"""Names in Redis. The hash tag is the partition: a partition commits alone, so more tags scale out without new code."""

PARTITION = "{0}"

RUN_OPENED = "run.opened.v1"
"""The one event type that the chassis reads by itself: every group has to know a run before anything happens in it."""


def stream(event_type: str) -> str:
    """The stream of an event type."""
    return f"{PARTITION}:{event_type}"


def dead_letters(event_type: str, group: str) -> str:
    """Where `group` keeps what it could not process of `event_type`, each with its reason."""
    return f"{PARTITION}:{event_type}:dead:{group}"


def case(group: str, runid: str, tcn: str) -> str:
    """What `group` remembers about one booking: a hash of `version`, `subject` and `case` (JSON)."""
    return f"{PARTITION}:case:{group}:{runid}:{tcn}"


def run(group: str, runid: str) -> str:
    """What `group` remembers of the `run.opened` of a run, in the same form as a case."""
    return f"{PARTITION}:run:{group}:{runid}"


def due(group: str, runid: str) -> str:
    """The cases of `group` that want to be looked at, by the time (in seconds) at which they do."""
    return f"{PARTITION}:due:{group}:{runid}"


def seen(group: str, runid: str) -> str:
    """The ids of the events that `group` has processed in a run, against duplicates that arrive as new entries."""
    return f"{PARTITION}:seen:{group}:{runid}"


def failures(group: str) -> str:
    """How often an entry has failed alone, by `<stream>/<entry>`."""
    return f"{PARTITION}:failures:{group}"


def admitted(runid: str) -> str:
    """What has been published into a run from outside, by tcn (or event id), with a digest of what was sent."""
    return f"{PARTITION}:admitted:{runid}"


def clock(runid: str) -> str:
    """The clock of a run: its open day and whether its input has ended."""
    return f"{PARTITION}:clock:{runid}"


def clock_lease(runid: str) -> str:
    """Who keeps the clock of a run."""
    return f"{PARTITION}:clock:{runid}:lease"


def expectations(runid: str) -> str:
    """What a service is told to answer in a run, by subject."""
    return f"{PARTITION}:expectations:{runid}"


def scripted(runid: str) -> str:
    """The ids of the events that were answered as a service was told, with the id of what it was told."""
    return f"{PARTITION}:expectations:{runid}:used"


RUNS = f"{PARTITION}:runs"
"""The ids of the runs that have not ended."""


def shard(scatter: str, number: int, of: int) -> str:
    """Who keeps a shard: a lease with the name of the process. `number` counts from 1."""
    return f"{PARTITION}:scatter:{scatter}:{number}-of-{of}"


def questions(scatter: str, number: int, of: int) -> str:
    """What a shard has been asked and has not answered yet."""
    return f"{shard(scatter, number, of)}:questions"


def answers(scatter: str, question: str) -> str:
    """What the shards have answered to a question, while somebody waits for it."""
    return f"{PARTITION}:scatter:{scatter}:answers:{question}"
