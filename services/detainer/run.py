"""What each desk has at hand during a run, from its `run.opened`: the regime for ICE, the practice for the agency."""

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
        policy=load_policy(run.ice_priority.text, run.ice_priority.id, vocabulary),
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
