"""Values that a vocabulary has not heard of, where it provides for them."""

from collections.abc import Mapping
from functools import lru_cache

from services.chassis.policy.vocabulary import Value, Vocabulary

OTHER = "other"


def with_other(facts: Mapping[str, Value], vocabulary: Vocabulary) -> dict[str, Value]:
    """The facts, with `other` for a value that is not on the list of a fact that has `other` on it.

    So an offence code that the national list does not have is some other offence, and not a mistake.
    """
    known = {**facts}
    for name in _provided_for(vocabulary):
        if name in facts and not vocabulary.knows(name, facts[name]):
            known[name] = OTHER
    return known


@lru_cache(maxsize=64)
def _provided_for(vocabulary: Vocabulary) -> tuple[str, ...]:
    return tuple(name for name in vocabulary.facts if vocabulary.knows(name, OTHER))
