"""What each desk has at hand during a run, from its `run.opened`: the regimes for ICE, the practice for the agency."""

from zoneinfo import ZoneInfo

from pydantic import TypeAdapter

from services.chassis.envelope import Event
from services.chassis.policy import load_policy, load_vocabulary
from services.detainer.cooperation import Practice
from services.detainer.events import RunOpened
from services.detainer.triage import Regime

_OPENED: TypeAdapter[Event[RunOpened]] = TypeAdapter(Event[RunOpened])


def regime_of(run_opened: bytes) -> Regime:
    """What ICE decides by.

    Raises:
        ValidationError: the event does not fit.
        PolicyError: a policy text cannot be used.
    """
    run = _OPENED.validate_json(run_opened).data
    vocabulary = load_vocabulary(run.vocabulary.text, run.vocabulary.id)
    return Regime(
        seed=run.seed,
        opened_on=run.opened_on,
        time_zone=ZoneInfo(run.time_zone),
        policies=[(text.since, load_policy(text.text, text.id, vocabulary)) for text in run.ice_priority],
        ranks=vocabulary.questions["ice_priority"].answers,
        offices={ori: agency.office for ori, agency in run.agencies.items()},
        capacity_per_day=run.capacity_per_day,
        pickup=run.pickup,
        outcomes=run.outcomes,
        feedback=run.feedback,
    )


def practice_of(run_opened: bytes) -> Practice:
    """What the agency decides by. Raises as `regime_of` does."""
    run = _OPENED.validate_json(run_opened).data
    vocabulary = load_vocabulary(run.vocabulary.text, run.vocabulary.id)
    return Practice(
        seed=run.seed,
        policy=load_policy(run.detainer.text, run.detainer.id, vocabulary),
        discretion=run.discretion,
        silence=run.silence,
    )
