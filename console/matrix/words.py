"""The words of the page: facts, levers, answers, stages and kinds of law, as somebody new to them would say it."""

from collections.abc import Mapping
from dataclasses import dataclass

from console.matrix.offences import OFFENCES
from sandbox.policies.words import LEVER_WORDS
from services.chassis.policy import NEVER, Fact, Kind, Policy, Value
from services.chassis.policy.stack import ENACTED
from services.chassis.policy.vocabulary import spell


@dataclass(frozen=True, slots=True)
class Lever:
    """Something that the agency does or leaves: in plain words, as a heading, and when the answer binds."""

    name: str
    question: str
    binds: str
    stages: range

    @property
    def plain(self) -> str:
        """What is done, as a heading."""
        words = LEVER_WORDS[self.name]
        return words[0].upper() + words[1:]


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage of the criminal case: its words, the fact that it makes true, and what it means for the detainer."""

    name: str
    words: str
    fact: str | None
    meaning: str


STAGES = (
    Stage(
        "booked",
        "booked",
        None,
        "Arrested and booked; ICE has lodged a request to hold (detainer, I-247). What the jail answers now is"
        " provisional.",
    ),
    Stage("charged", "charged", "charge_filed", "A prosecutor has filed the charge. An arrest alone is not a charge."),
    Stage(
        "held_to_answer",
        "probable cause found",
        "held_to_answer",
        "A judge or magistrate found probable cause on the charge itself: the person is held to answer.",
    ),
    Stage("bond_posted", "bonded", "bond_posted", "Bond is set and has been posted."),
    Stage(
        "disposed",
        "disposed",
        None,
        "The court has disposed of the charge. No law here reads that, so no answer changes; the last moment for notice"
        " before release.",
    ),
    Stage(
        "releasable",
        "releasable",
        None,
        "But for the detainer, the person would walk out. The answers of now govern the hold, and the handing over if"
        " ICE is there.",
    ),
)
"""In the order of the slider. `services/booking/domain.py` asks again at each of them."""

LAST = len(STAGES) - 1

LEVERS = (
    Lever("ask_status", "May staff ask about immigration status?", "at any stage", range(LAST + 1)),
    Lever("notify", "Is ICE told the release date?", "before release", range(LAST)),
    Lever(
        "hold",
        "Is the person kept past release for ICE?",
        "when releasable",
        range(LAST, LAST + 1),
    ),
    Lever(
        "transfer",
        "Is the person handed over to ICE in the jail?",
        "at pick-up",
        range(LAST, LAST + 1),
    ),
    Lever(
        "access",
        "May ICE come into the jail, to interview for instance?",
        "at any stage",
        range(LAST + 1),
    ),
)
"""In the order of the columns. When each binds: notice before release, a hold at release, a transfer at pick-up."""

ANSWERS: Mapping[str, tuple[str, str, str]] = {
    "must": ("■", "must", "The law obliges the jail to."),
    "may": ("◐", "may", "The law leaves it to the jail."),
    "must_not": ("✕", "must not", "The law forbids it."),
    "silent": ("○", "silent", "This law says nothing about it, so that another may. It does not mean no."),
}
"""Answer -> its sign, its word, and what it means."""

KINDS: Mapping[str, str] = {
    "state": "State law",
    "county": "County law",
    "city": "City law",
    "agency": "An agency's own rule or practice",
    "other": "Other law",
    "draft": "A draft that was changed before it passed",
    "proposal": "Proposals, never law",
    "counterfactual": "Made up by this project, to compare with",
}
"""In the order of the groups of rows."""

CLOCKS: Mapping[str, str] = {
    "excluding_weekends_and_holidays": "not counting weekends and holidays",
    "straight": "counted straight through",
}
PLACES: Mapping[str, str] = {
    "US": "United States",
    "US-CA": "California",
    "US-CA-SCL": "Santa Clara County, CA",
    "US-CA-SF": "San Francisco, CA",
    "US-CT": "Connecticut",
    "US-DC": "District of Columbia",
    "US-FL": "Florida",
    "US-FL-MDC": "Miami-Dade, FL",
    "US-IA-IOWACITY": "Iowa City, IA",
    "US-IL": "Illinois",
    "US-IL-CHI": "Chicago, IL",
    "US-IL-COOK": "Cook County, IL",
    "US-LA-NOLA": "New Orleans, LA",
    "US-MA": "Massachusetts",
    "US-MA-BOS": "Boston, MA",
    "US-NY-NYC": "New York City, NY",
    "US-PA-PHL": "Philadelphia, PA",
    "US-TX": "Texas",
    "US-TX-TRAVIS": "Travis County, TX",
}

LABELS: Mapping[str, str] = {
    "charge": "The gravest charge",
    "charge_offence": "The offence, by its NCIC code",
    "charge_is_minor_traffic": "Only minor traffic matters",
    "charge_is_domestic_violence": "The charge is domestic violence",
    "years_since_serious_felony": "Years since a serious or violent felony",
    "years_since_felony": "Years since any felony",
    "years_since_state_prison_felony": "Years since a felony punished in the state prison",
    "years_since_listed_felony": "Years since a felony that the law lists",
    "years_since_listed_misdemeanor": "Years since a misdemeanor that the law lists",
    "years_since_misdemeanor": "Years since any misdemeanor",
    "years_since_release": "Years since release from that sentence",
    "in_custody_for_conviction": "In custody for that conviction now",
    "homicide_conviction": "Ever convicted of homicide",
    "registry": "On the sex or arson registry",
    "federal_aggravated_felony": "An aggravated felony by immigration law",
    "request_form": "The form of ICE's request",
    "request_states_probable_cause": "The form ticks probable cause",
    "admin_paper": "Administrative warrant with it (an officer signs, no judge)",
    "federal_judicial_warrant": "A federal judge's warrant for the person",
    "federal_felony_warrant": "A federal warrant on a felony charge",
    "state_warrant": "A state criminal warrant",
    "custodian": "Who holds the person",
    "agreement": "The agency's agreement with ICE",
    "written_reimbursement_agreement": "ICE pays all costs, in writing",
    "release_date_public": "The release date is public anyway",
    "juvenile": "Under 18",
    "lawful_status_proof": "Has shown proof of lawful status",
    "victim_or_witness": "A victim of or witness to a crime",
    "terror_watchlist": "Possible match on a terrorist watch list",
    "gang_listed": "Named in a gang database",
    "unacceptable_risk": "Found an unacceptable risk by the agency",
    "final_order": "A final order of removal",
    "prior_removal": "Removed before, and back",
    "serious_share_published": "Of 100 removed, so many had a serious conviction (ICE's data)",
    "outcome_data_age_days": "Days since ICE published those data",
}
"""Fact -> its label in the form. A fact without one is labelled with its name."""

_VALUES: Mapping[str, str] = {
    "none": "none",
    "serious_felony": "serious felony",
    "police_lockup": "a police lock-up",
    "court": "the court",
    "county_jail": "the county jail (the sheriff)",
    "state_prison": "a state prison",
    "I-247": "I-247, until 2015",
    "I-247D": "I-247D, detainer, 2015 to 2017",
    "I-247N": "I-247N, notice only",
    "I-247X": "I-247X, other",
    "I-247A": "I-247A, since 2017",
    "I-200": "I-200, warrant of arrest",
    "I-205": "I-205, warrant of removal",
    "287g_jail": "287(g), in the jail",
    "287g_warrant": "287(g), serving warrants",
    "boa": "basic ordering agreement (BOA)",
    "igsa": "detention contract (IGSA)",
    "other": "another offence",
}


def value_words(fact: Fact, value: Value) -> str:
    """A value of a fact for people."""
    if fact.kind is Kind.NUMBER:
        return NEVER if value == NEVER else str(value)
    word = spell(value)
    if word in OFFENCES:
        return f"{word} {OFFENCES[word]}"
    return _VALUES.get(word, word.replace("_", " "))


def label_of(name: str) -> str:
    """The label of a fact."""
    return LABELS.get(name, name.replace("_", " "))


def place_words(place: str) -> str:
    """A place for people."""
    return PLACES.get(place, place)


def kind_of(policy: Policy) -> str:
    """The group of rows that a policy stands in."""
    if policy.status != ENACTED:
        return policy.status
    return policy.authority if policy.authority is not None and policy.authority in KINDS else "other"


def years_of(policy: Policy) -> str:
    """The years in force, or the year of what never was."""
    first = policy.since.year
    if policy.status != ENACTED:
        return str(first)
    if policy.until is None:
        return f"{first} on"
    return str(first) if policy.until.year == first else f"{first} to {policy.until.year}"
