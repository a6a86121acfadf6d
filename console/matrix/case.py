"""The case that all laws are asked about: its form, its address, and what is known of it at each stage."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from console.matrix.words import LABELS, LAST, STAGES, label_of, value_words
from services.chassis.errors import InteropError
from services.chassis.policy import NEVER, Fact, Kind, Policy, Value, Vocabulary
from services.chassis.policy.vocabulary import spell

Facts = Mapping[str, Value]

STAGE_FACTS = tuple(stage.fact for stage in STAGES if stage.fact is not None)
OFFENCE = "charge_offence"
STAGE = "stage"
SKIPS = "skips"

MOST_CHOICES = 40
"""Values that a drop-down lists; of a longer list, those that some policy names."""

GROUPS: Mapping[str, tuple[str, ...]] = {
    "The arrest": ("charge", OFFENCE, "charge_is_domestic_violence"),
    "The record": (
        "years_since_serious_felony",
        "years_since_felony",
        "years_since_state_prison_felony",
        "years_since_listed_felony",
        "years_since_listed_misdemeanor",
        "years_since_misdemeanor",
        "years_since_release",
        "in_custody_for_conviction",
        "homicide_conviction",
        "registry",
        "federal_aggravated_felony",
    ),
    "The papers": (
        "request_form",
        "admin_paper",
        "request_states_probable_cause",
        "federal_judicial_warrant",
        "federal_felony_warrant",
        "state_warrant",
        "final_order",
    ),
    "The person": (
        "juvenile",
        "lawful_status_proof",
        "victim_or_witness",
        "prior_removal",
        "terror_watchlist",
        "gang_listed",
        "unacceptable_risk",
    ),
    "Who holds the person, and the place": (
        "custodian",
        "agreement",
        "written_reimbursement_agreement",
        "release_date_public",
        "serious_share_published",
        "outcome_data_age_days",
    ),
}
"""The groups of the form. A fact that a policy reads and no group has is put into the last."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One field of the form."""

    name: str
    label: str
    about: str
    kind: str
    choices: tuple[tuple[str, str], ...]
    usual: str
    low: int
    high: int


@dataclass(frozen=True, slots=True)
class Preset:
    """A case to begin with."""

    title: str
    words: str
    query: str


PRESETS = (
    Preset(
        "An old felony",
        "Heron-41: a felony charge, a felony nine years ago, a detainer with an administrative warrant",
        "charge=felony&years_since_felony=9&request_form=I-247A&admin_paper=I-200&request_states_probable_cause=yes&stage=1",
    ),
    Preset(
        "A traffic stop",
        "A minor traffic matter, no record, a detainer with an administrative warrant",
        "charge=infraction&request_form=I-247A&admin_paper=I-200&request_states_probable_cause=yes&stage=0",
    ),
    Preset(
        "Grave, and not the first time",
        "Charged with a serious felony; convicted of one four years ago, out for two",
        "charge=serious_felony&years_since_serious_felony=4&years_since_felony=4&years_since_state_prison_felony=4"
        "&years_since_release=2&request_form=I-247A&admin_paper=I-200&request_states_probable_cause=yes&stage=2",
    ),
    Preset(
        "An order of removal",
        "A misdemeanor charge, no record, a final order of removal and the warrant for it",
        "charge=misdemeanor&request_form=I-247A&admin_paper=I-205&request_states_probable_cause=yes&final_order=yes"
        "&stage=1",
    ),
    Preset(
        "A judge has signed",
        "A felony charge, and a federal warrant on a felony charge besides the detainer",
        "charge=felony&request_form=I-247A&federal_judicial_warrant=yes&federal_felony_warrant=yes&stage=2",
    ),
    Preset(
        "A witness with papers",
        "A misdemeanor charge; the person saw a crime, and has shown proof of lawful status",
        "charge=misdemeanor&request_form=I-247&lawful_status_proof=yes&victim_or_witness=yes&stage=1",
    ),
)
USUAL = PRESETS[0].query
"""The case of an address that tells none."""


@dataclass(frozen=True, slots=True)
class TheCase:
    """A case and its stage.

    Attributes:
        told: what the form says, without what is as it would be assumed, and without what the stages say.
        stage: its place in `STAGES`.
        skips: facts of stages that never come true in this case, such as a bond that nobody posts.
    """

    told: Facts
    stage: int
    skips: frozenset[str]

    @property
    def spelled(self) -> dict[str, str]:
        """What the form says, as its fields have it."""
        return {name: spell(value) for name, value in self.told.items()}

    @property
    def facts(self) -> dict[str, Value]:
        """What is known at its stage."""
        return self.at(self.stage)

    def at(self, stage: int) -> dict[str, Value]:
        """What is known at a stage, as a policy is asked."""
        reached = [each.fact for each in STAGES[: stage + 1] if each.fact is not None]
        return {**self.told, **dict.fromkeys((fact for fact in reached if fact not in self.skips), True)}

    def query(self) -> list[tuple[str, str]]:
        """The case as it stands in an address."""
        told = [(name, spell(value)) for name, value in self.told.items()]
        return [*told, *((SKIPS, fact) for fact in STAGE_FACTS if fact in self.skips), (STAGE, str(self.stage))]


def case_of(query: Sequence[tuple[str, str]], vocabulary: Vocabulary) -> TheCase:
    """The case that an address tells.

    Args:
        query: names and values of the address; names that are no facts of the form are others' business.
        vocabulary: the facts.

    Raises:
        InteropError: `unknown-value`, for a value that its fact cannot have; `unknown-stage`.
    """
    told: dict[str, Value] = {}
    stage = 0
    skips = set()
    for name, word in query:
        if name == STAGE:
            stage = _stage_of(word)
        elif name == SKIPS:
            if word not in STAGE_FACTS:
                raise InteropError("unknown-value", f"'{word}' is no stage that can be skipped", status=422)
            skips.add(word)
        elif name in vocabulary.facts and name not in STAGE_FACTS and word:
            fact = vocabulary.facts[name]
            try:
                value = fact.value_of(word)
            except ValueError as error:
                raise InteropError("unknown-value", str(error).rstrip("."), status=422) from None
            if value != fact.when_missing:
                told[name] = value
    return TheCase(told, stage, frozenset(skips))


def tells_a_case(query: Iterable[tuple[str, str]], vocabulary: Vocabulary) -> bool:
    """Whether an address tells any case at all."""
    return any(name in vocabulary.facts or name in (STAGE, SKIPS) for name, _ in query)


def entries(policies: Sequence[Policy], vocabulary: Vocabulary) -> dict[str, list[Entry]]:
    """The fields of the form by group: every fact that one of the policies reads and no stage says."""
    read = {name for policy in policies for name in policy.reads} - {*STAGE_FACTS}
    placed = {name for names in GROUPS.values() for name in names}
    others = tuple(name for name in vocabulary.facts if name in read and name not in placed)
    *_, last = GROUPS
    return {
        group: [
            _entry(vocabulary.facts[name], policies)
            for name in (*names, *(others if group == last else ()))
            if name in read
        ]
        for group, names in GROUPS.items()
    }


def in_words(case: TheCase, vocabulary: Vocabulary) -> list[tuple[str, str]]:
    """What the form says of the case, as pairs of label and value."""
    order = [*LABELS, *case.told]
    names = sorted(case.told, key=order.index)
    return [(label_of(name), value_words(vocabulary.facts[name], case.told[name])) for name in names]


def _entry(fact: Fact, policies: Sequence[Policy]) -> Entry:
    numbers = [value for value in fact.domain if isinstance(value, int) and not isinstance(value, bool)]
    choices = () if fact.kind in (Kind.NUMBER, Kind.YES_NO) else _choices(fact, policies)
    return Entry(
        name=fact.name,
        label=label_of(fact.name),
        about=fact.about,
        kind=fact.kind.value,
        choices=tuple((spell(value), value_words(fact, value)) for value in choices),
        usual="" if fact.when_missing == NEVER else spell(fact.when_missing),
        low=min(numbers, default=0),
        high=max(numbers, default=0),
    )


def _choices(fact: Fact, policies: Sequence[Policy]) -> Sequence[Value]:
    if len(fact.domain) <= MOST_CHOICES:
        return fact.domain
    named = {value for policy in policies for values in policy.sets.values() for value in values}
    return [value for value in fact.domain if value in named or not str(value).isdigit()]


def _stage_of(word: str) -> int:
    if not (word.isascii() and word.isdigit() and int(word) <= LAST):
        raise InteropError("unknown-stage", f"the stage is a number from 0 to {LAST}, but found '{word}'", status=422)
    return int(word)
