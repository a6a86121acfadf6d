"""Where the tests find the policies of this repository."""

from pathlib import Path

from services.chassis.policy import Policy, Vocabulary, load_policy, load_vocabulary

POLICIES = Path(__file__).parents[2] / "policies"
_VOCABULARY = POLICIES / "vocabulary.yaml"


def the_vocabulary() -> Vocabulary:
    return load_vocabulary(_VOCABULARY.read_text(encoding="utf-8"), _VOCABULARY.name)


def policy_ids() -> list[str]:
    """The ids of all policies, by file name; worked cases and the vocabulary are no policies."""
    return sorted(
        path.stem for path in POLICIES.glob("*.yaml") if path != _VOCABULARY and not path.name.endswith(".cases.yaml")
    )


def the_policy(identity: str, vocabulary: Vocabulary) -> Policy:
    path = POLICIES / f"{identity}.yaml"
    return load_policy(path.read_text(encoding="utf-8"), path.name, vocabulary)
