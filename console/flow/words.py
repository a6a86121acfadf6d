"""Names and words of the flow: parties, messages, levers and stages, in plain words and in the field's own."""

from collections.abc import Mapping

PARTIES: Mapping[str, str] = {
    "LEA": "the jail",
    "SIB": "the state's identification bureau",
    "FBI": "the FBI",
    "DHS": "DHS",
    "LESC": "the support center",
    "ICE": "the ICE field office",
}
"""Who tells and is told things (domain.md 1.1), in plain words."""

PARTY_NAMES: Mapping[str, str] = {
    "LEA": "LEA, local law enforcement agency",
    "SIB": "SIB, State Identification Bureau",
    "FBI": "FBI CJIS Division, which keeps IAFIS",
    "DHS": "DHS, whose database of prints is IDENT",
    "LESC": "LESC, ICE's Law Enforcement Support Center",
    "ICE": "ERO, ICE's Enforcement and Removal Operations",
}
"""The same, as the field calls them."""

CATEGORIES: Mapping[str, str] = {
    "biometric": "fingerprints",
    "biographic": "who the person says they are",
    "charge": "the charge",
    "criminal_history": "the criminal history",
    "match_result": "whether the prints are known",
    "immigration_status": "the immigration status on file",
    "detainer": "the request to hold",
    "release_date": "when the person is released",
    "custody_location": "where the person is held",
    "cooperation": "what the jail will do",
    "custody": "that the person is handed over",
    "claim": "that officers come",
    "outcome": "how the case ended",
}
"""What a disclosure says (`x-disclosures` of contracts/asyncapi.yaml), in plain words."""

MESSAGES: Mapping[str, str] = {
    "CAR": "Criminal Ten-Print Submission, Answer Required",
    "SRE": "Submission Results, Electronic",
    "IDR": "IDENT Data Response",
    "IAQ": "Immigration Alien Query",
    "IAR": "Immigration Alien Response",
    "I-247": "Immigration Detainer, Notice of Action",
}
"""The real messages' abbreviations and full names (domain.md 1.2)."""

ANSWERS: Mapping[str, str] = {"must": "must", "may": "may", "must_not": "must not", "silent": "says nothing"}

STATUSES: Mapping[str, str] = {
    "us_born": "a citizen by birth",
    "naturalized_citizen": "a naturalised citizen",
    "derived_citizen": "a citizen through a parent",
    "lawful_permanent_resident": "a lawful permanent resident",
    "visa_holder": "a visa holder",
    "visa_overstay": "somebody whose visa has run out",
    "entered_without_inspection": "somebody who entered without inspection",
    "asylum_pending": "somebody whose asylum case is open",
    "prior_removal": "somebody who was removed before",
}

OUTCOMES: Mapping[str, str] = {
    "removed": "removed from the country",
    "returned": "returned without an order",
    "relief": "allowed to stay: relief was granted",
    "terminated": "case terminated",
    "lawful_resident_confirmed": "confirmed to be a lawful resident",
    "citizen_confirmed": "confirmed to be a citizen",
}

STAGES: Mapping[str, str] = {
    "detainer_on_file": "the request to hold is on file",
    "charged": "charges are filed",
    "held_to_answer": "a judge finds probable cause",
    "bond_posted": "bond is posted",
    "disposed": "the criminal case is decided",
    "releasable": "the criminal case lets the person go",
    "hold_started": "the hold begins",
    "hold_expired": "the hold is over",
    "transferred": "the person is handed over",
    "released": "the person walks out",
}

OFFENSES: Mapping[str, str] = {
    "infraction": "infraction",
    "misdemeanor": "misdemeanor",
    "felony": "felony",
    "serious_felony": "serious felony",
}


def spoken(word: str) -> str:
    """A word of the wire as one reads it aloud: for what stands in no table."""
    return word.replace("_", " ")


def counted(number: int, one: str, many: str | None = None) -> str:
    """A number with its noun: `1 entry`, `2,000 entries`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def listed(words: list[str]) -> str:
    """Words as a list in a sentence: `a, b and c`."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
