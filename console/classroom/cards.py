"""The cards of the hour: roles that argue from yardsticks, and cases that every law is asked about.

Nobody is given the part of the arrested person. Case labels are birds and numbers, and say nothing of where somebody
comes from.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from services.chassis.policy import Value


@dataclass(frozen=True, slots=True)
class Role:
    """A part that somebody argues from for ten minutes.

    Attributes:
        name: whose part it is.
        seeks: what they want to find out.
        numbers: which numbers they would ask for.
        asks: a question to somebody who sees it otherwise.
    """

    name: str
    seeks: str
    numbers: tuple[str, str]
    asks: str


ROLES = (
    Role(
        "Sheriff",
        "What does this law oblige my jail to do, and what does it leave to me?",
        ("people held past their release", "the range from never to always: that range is my own choice"),
        "To the city council: if something goes wrong after a release or after a hold, who answers for it?",
    ),
    Role(
        "City council member",
        "Do the people I was elected by get what they were told this law would do?",
        ("released with a declined request, by level", "citizens held past their release"),
        "To the ICE field officer: what would you publish about our city, and when?",
    ),
    Role(
        "ICE field officer",
        "How many of those I am meant to find can I find while they are still in custody?",
        ("released although ICE would have come", "handed over to ICE"),
        "To the public defender: where should somebody with a grave conviction be handed over, if not at the jail?",
    ),
    Role(
        "Public defender",
        "On what ground is my client kept after a judge or bail has set them free?",
        ("people held past their release", "hours held past release"),
        "To the prosecutor: does a hold make it easier or harder to bring the criminal case to its end?",
    ),
    Role(
        "Prosecutor",
        "Will the accused, and the witnesses, be there when the case is heard?",
        ("released with a declined request, charged with a serious felony", "handed over to ICE"),
        "To the fingerprint examiner: how sure is a match, and what does it say about the person?",
    ),
    Role(
        "Victim advocate",
        "Does this law make it safer, or harder, to call the police?",
        ("Level 1 removed or returned, in both meanings", "times the jail told ICE about somebody"),
        "To the sheriff: what do you tell somebody who is afraid of the accused, and somebody who is afraid of you?",
    ),
    Role(
        "Fingerprint examiner",
        "Where in the chain can an error arise, and who would notice?",
        ("citizens held past their release", "held though here lawfully and not removable"),
        "To the journalist: how would you report one error in a thousand, and a thousand in a million?",
    ),
    Role(
        "Journalist",
        "Which true sentence is each side leaving out?",
        ("removed by both meanings of Level 1", "removed without a conviction, an order or an earlier removal"),
        "To everybody: of whom, of what, and since when is your percentage?",
    ),
    Role(
        "Auditor",
        "Can somebody outside check what was done, and on what ground?",
        ("times the jail told ICE about somebody", "the clause that decided each case"),
        "To the sheriff: when the law says 'may', where is it written down why you did or did not?",
    ),
    Role(
        "Budget officer",
        "What does this law cost, and who pays?",
        ("hours held past release", "released although ICE would have come: somebody then looks for them elsewhere"),
        "To the council member: which of these costs would you rather have, and for what gain?",
    ),
)


@dataclass(frozen=True, slots=True)
class CaseCard:
    """One invented person on the day of the release, in words and as the facts that laws read."""

    label: str
    story: str
    facts: Mapping[str, Value]


_CHARGED: Mapping[str, Value] = {"charge_filed": True}

CASES = (
    CaseCard(
        "Heron-41",
        "Charged with burglary, a felony. Nine years ago convicted of a felony that is not a serious one. ICE's request"
        " came with a paper signed by an immigration officer, and ticks the box for probable cause.",
        {
            **_CHARGED,
            "charge": "felony",
            "charge_offence": "2299",
            "years_since_felony": 9,
            "admin_paper": "I-200",
            "request_form": "I-247A",
            "request_states_probable_cause": True,
        },
    ),
    CaseCard(
        "Plover-12",
        "Charged with driving without a licence. Never convicted of anything. Bond is posted.",
        {
            **_CHARGED,
            "charge": "misdemeanor",
            "charge_offence": "5499",
            "charge_is_minor_traffic": True,
            "bond_posted": True,
        },
    ),
    CaseCard(
        "Osprey-7",
        "Charged with robbery, a serious felony. A judge found probable cause. Never convicted before.",
        {**_CHARGED, "charge": "serious_felony", "charge_offence": "1299", "held_to_answer": True},
    ),
    CaseCard(
        "Dunlin-58",
        "Charged with shoplifting. Has shown a document that proves lawful status.",
        {**_CHARGED, "charge": "misdemeanor", "charge_offence": "2303", "lawful_status_proof": True},
    ),
    CaseCard(
        "Avocet-23",
        "Arrested for disorderly conduct; the charge was dropped. Three years ago convicted of a serious felony.",
        {"charge": "none", "years_since_serious_felony": 3, "years_since_felony": 3},
    ),
    CaseCard(
        "Godwit-36",
        "Charged with assault on a member of the household, a misdemeanour. Never convicted before. A judge found"
        " probable cause.",
        {
            **_CHARGED,
            "charge": "misdemeanor",
            "charge_offence": "1313",
            "charge_is_domestic_violence": True,
            "held_to_answer": True,
        },
    ),
    CaseCard(
        "Tern-64",
        "Charged with driving drunk. Two years ago convicted of another misdemeanour.",
        {**_CHARGED, "charge": "misdemeanor", "charge_offence": "5404", "years_since_misdemeanor": 2},
    ),
    CaseCard(
        "Curlew-19",
        "Charged with selling cocaine, a serious felony. A federal judge has signed a warrant to arrest this person.",
        {**_CHARGED, "charge": "serious_felony", "charge_offence": "3530", "federal_judicial_warrant": True},
    ),
    CaseCard(
        "Petrel-85",
        "Seventeen years old. Charged with stealing a car, a felony.",
        {**_CHARGED, "charge": "felony", "charge_offence": "2404", "juvenile": True},
    ),
    CaseCard(
        "Gannet-50",
        "Charged with possession of a drug, a felony. Was a witness in another case. Thirteen years ago convicted of a"
        " felony, and released from that sentence eleven years ago.",
        {
            **_CHARGED,
            "charge": "felony",
            "charge_offence": "3532",
            "years_since_felony": 13,
            "years_since_release": 11,
            "victim_or_witness": True,
        },
    ),
)
