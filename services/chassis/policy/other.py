"""Values that a vocabulary has not heard of, where it provides for them."""

from collections.abc import Mapping

from services.chassis.policy.vocabulary import Value, Vocabulary

OTHER = "other"


def with_other(facts: Mapping[str, Value], vocabulary: Vocabulary) -> dict[str, Value]:
    """The facts, with `other` for a value that is not on the list of a fact that has `other` on it.

    So an offence code that the national list does not have is some other offence, and not a mistake.
    """
    return {
        name: OTHER if not vocabulary.knows(name, value) and vocabulary.knows(name, OTHER) else value
        for name, value in facts.items()
    }
