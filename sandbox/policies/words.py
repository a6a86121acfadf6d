"""Values of facts in words, as the tests of a policy say them."""

from collections.abc import Collection, Mapping, Sequence

from services.chassis.policy import NEVER, Fact, Kind, Value
from services.chassis.policy.vocabulary import spell

MOST_LISTED = 4

LEVER_WORDS: Mapping[str, str] = {
    "ask_status": "ask about status",
    "notify": "tell ICE the release date",
    "hold": "hold past release",
    "transfer": "hand over to ICE",
    "access": "let ICE into the jail",
}
"""What a jail does or does not, by the levers of `detainer` policies; every report and page says it so."""

VERIFIED: Mapping[str, str] = {
    "text": "the wording was read",
    "summary": "only summaries of it were read",
    "none": "not verified",
}
"""How well the text of a policy is known, by the word of its file."""


def in_words(fact: Fact, values: Collection[Value]) -> str:
    """A fact and some of its values, e.g. `charge at least felony` or `years_since_felony at least 6 or never`."""
    chosen = [value for value in fact.domain if value in values]
    if fact.kind is Kind.NUMBER:
        return f"{fact.name} {_numbers(fact, chosen)}"
    if fact.kind is Kind.ORDERED and len(chosen) > 1 and _follow_each_other(fact, chosen):
        if chosen[-1] == fact.domain[-1]:
            return f"{fact.name} at least {chosen[0]}"
        if chosen[0] == fact.domain[0]:
            return f"{fact.name} at most {chosen[-1]}"
        return f"{fact.name} between {chosen[0]} and {chosen[-1]}"
    others = [value for value in fact.domain if value not in values]
    if len(others) < len(chosen) and len(chosen) > 1:
        return f"{fact.name} not {_listed(others)}"
    return f"{fact.name} = {_listed(chosen)}"


def _listed(values: Sequence[Value]) -> str:
    words = [spell(value) for value in values]
    if len(words) > MOST_LISTED:
        return f"one of {len(words)} values, such as {words[0]}"
    return " or ".join(words)


def _numbers(fact: Fact, chosen: Sequence[Value]) -> str:
    numbers = [value for value in chosen if isinstance(value, int)]
    every = [value for value in fact.domain if isinstance(value, int)]
    if numbers == every and NEVER not in chosen:
        return f"not {NEVER}"
    words = []
    first = 0
    for place, number in enumerate(numbers):
        if place + 1 == len(numbers) or numbers[place + 1] != number + 1:
            words.append(_range(numbers[first], number, every))
            first = place + 1
    if NEVER in chosen:
        words.append(NEVER)
    return " or ".join(words)


def _range(low: int, high: int, every: Sequence[int]) -> str:
    if low == high:
        return f"= {low}"
    if low == every[0]:
        return f"at most {high}"
    return f"at least {low}" if high == every[-1] else f"{low} to {high}"


def _follow_each_other(fact: Fact, chosen: Sequence[Value]) -> bool:
    first = fact.domain.index(chosen[0])
    return list(fact.domain[first : first + len(chosen)]) == list(chosen)
