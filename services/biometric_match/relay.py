"""Which submissions go on to DHS. In reality all do; a run can be pinned to a proposal under which some would not."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from services.biometric_match.events import Charge, RunOpened
from services.chassis.policy import Policy, Value, decide, load_policy, load_vocabulary
from services.chassis.policy.other import with_other

HELD_BACK = "submit"
"""The one answer under which a submission is not relayed. `cite` and `keep` are about the agency's own end: where the
agency, which knows more, has submitted all the same, the prints are here, and what is here is relayed."""


@dataclass(frozen=True, slots=True)
class Relay:
    """The run's sharing policy as the federal side asks it: on what came with the submission, and nothing local.

    `agencies` holds what the run says of each agency, by ORI.
    """

    policy: Policy | None = None
    agencies: Mapping[str, Mapping[str, Value]] = field(default_factory=dict)

    def takes(self, ori: str, charge: Charge) -> bool:
        """Whether a submission by that agency, on that charge, is relayed."""
        if self.policy is None:
            return True
        facts: dict[str, Value] = {
            "charge": charge.offense_class,
            "charge_offence": charge.ncic,
            **self.agencies.get(ori, {}),
        }
        return decide(self.policy, with_other(facts, self.policy.vocabulary)).answer != HELD_BACK


EVERYTHING = Relay()
"""The relay as it was: every submission, automatically."""


def relay_of(run: RunOpened) -> Relay:
    """The relay of a run.

    Raises:
        PolicyError: the sharing policy cannot be used.
    """
    if run.sharing is None or run.vocabulary is None:
        return EVERYTHING
    vocabulary = load_vocabulary(run.vocabulary.text, run.vocabulary.id)
    policy = load_policy(run.sharing.text, run.sharing.id, vocabulary)
    return Relay(policy, {ori: agency.facts for ori, agency in run.agencies.items()})
