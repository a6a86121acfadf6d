"""The cases of Heron-41 and Wren-7, told by `contracts/examples/`: what goes in, and what services make of it.

A test holds the files to this story. When a service changes what it says, `python -m tests.contract.story` writes the
files anew; look at the difference before you commit it.
"""

import json
from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sandbox.contracts import CONTRACTS
from services.audit.domain import entry_of, rows_of
from services.audit.events import announcement
from services.audit.settings import ORIGIN
from services.audit.tlog.checkpoint import Checkpoint
from services.audit.tlog.merkle import leaf_hash, root_of
from services.audit.vault import Secret
from services.biometric_match.prints import capture
from services.booking.events import BookingRequest, RunSettings
from services.chassis.delivery import keys
from services.chassis.envelope import Consumed
from services.chassis.service import Service
from tests.contract.house import House, Raw, built_services, reader

EXAMPLES = CONTRACTS / "examples"

SEED = 38
ORI = "ZZ0010000"
OCA = "HERON-41"
PERSON = 570
"""Somebody whom both galleries know: row 570 of IAFIS, row 70 of IDENT."""

ON_NO_FILE = 90_000
"""Somebody whom neither gallery knows: Wren-7, whose prints both keep."""

VOCABULARY = """\
# The words of this example; those of the sandbox are in policies/vocabulary.yaml.
facts:
  charge: {type: ordered, values: [none, infraction, misdemeanor, felony, serious_felony], when_missing: none}
  charge_offence: {type: list, values: [none, other, "2303"], when_missing: none}
  charge_is_domestic_violence: {type: yes_no, when_missing: no}
  charge_is_minor_traffic: {type: yes_no, when_missing: no}
  charge_filed: {type: yes_no, when_missing: no}
  held_to_answer: {type: yes_no, when_missing: no}
  bond_posted: {type: yes_no, when_missing: no}
  lawful_status_proof: {type: yes_no, when_missing: no}
  years_since_serious_felony: {type: number, from: 0, to: 80, or_never: yes, when_missing: never}
  years_since_felony: {type: number, from: 0, to: 80, or_never: yes, when_missing: never}
  years_since_state_prison_felony: {type: number, from: 0, to: 80, or_never: yes, when_missing: never}
  years_since_listed_felony: {type: number, from: 0, to: 80, or_never: yes, when_missing: never}
  years_since_release: {type: number, from: 0, to: 80, or_never: yes, when_missing: never}
  homicide_conviction: {type: yes_no, when_missing: no}
  years_since_listed_misdemeanor: {type: number, from: 0, to: 80, or_never: yes, when_missing: never}
  years_since_misdemeanor: {type: number, from: 0, to: 80, or_never: yes, when_missing: never}
  federal_aggravated_felony: {type: yes_no, when_missing: no}
  request_form: {type: list, values: [I-247], when_missing: I-247}
  removable: {type: list, values: [no, yes, unknown], when_missing: no}
  ice_level: {type: ordered, values: [none, level_3, level_2, level_1], when_missing: none}
  crimes_over_one_year: {type: number, from: 0, to: 50, when_missing: 0}
  crimes_up_to_one_year: {type: number, from: 0, to: 50, when_missing: 0}
  final_order: {type: yes_no, when_missing: no}
  prior_removal: {type: yes_no, when_missing: no}
questions:
  detainer:
    levers: [ask_status, notify, hold, transfer, access]
    answers: [must, may, must_not, silent]
    unanswered: silent
  ice_priority:
    answers: [no_action, other, level_3, level_2, level_1]
  sharing:
    answers: [cite, keep, submit, share]
headings:
  clock: [excluding_weekends_and_holidays, straight]
"""

REGIME = """\
policy: example-regime
title: A regime of two clauses, for this example
question: ice_priority
place: US
status: example
in_force: {from: 2008-10-01}
source: invented
verified: none
clauses:
  - clause: Level 1
    text: Charged with or convicted of an offence of the first level
    when: {removable: yes, ice_level: level_1}
    then: level_1
  - clause: any other
    text: Removable, whatever the charge
    when: {removable: yes, ice_level: not level_1}
    then: other
otherwise:
  clause: not removable
  text: Not removable, or nobody knows
  then: no_action
"""

SHARING = """\
policy: example-sharing
title: A sharing policy of two clauses, for this example
question: sharing
place: US
status: example
in_force: {from: 2008-10-01}
source: invented
verified: none
clauses:
  - clause: any charge
    text: Booked on whatever charge, so submitted, and relayed to DHS
    when: {charge: not none}
    then: share
otherwise:
  clause: no charge
  text: Printed without a charge, and relayed all the same
  then: share
"""

POLICY = """\
policy: example-policy
title: A policy of two clauses, for this example
question: detainer
place: US
status: example
in_force: {from: 2008-01-01}
source: invented
verified: none
max_hold_hours: 48
clock: excluding_weekends_and_holidays
clauses:
  - clause: (a)
    text: The agency may tell ICE of the release, hold for up to 48 hours, and hand over
    when: always
    then: {notify: may, hold: may, transfer: may}
  - clause: (b)
    text: The agency does not ask about status
    when: always
    then: {ask_status: must_not}
"""


def sharing(answer: str) -> dict[str, str]:
    """The sharing policy of this example, with another answer for any charge."""
    return document(f"example-{answer}", SHARING.replace("    then: share\n", f"    then: {answer}\n"))


def document(identity: str, text: str) -> dict[str, str]:
    """A text as `run.opened` carries it."""
    return {"id": identity, "text": text, "sha256": sha256(text.encode()).hexdigest()}


def settings(**changes: Any) -> RunSettings:
    """What the run of Heron-41 is pinned to."""
    chosen = {
        "scenario": "contract-example",
        "seed": SEED,
        "opened_on": "2009-06-11",
        "time_zone": "America/New_York",
        "agencies": {
            ORI: {
                "name": "Example Harbor Police (invented)",
                "place": "US-EX",
                "office": "eastern",
                "time_zone": "America/New_York",
            }
        },
        "vocabulary": document("vocabulary", VOCABULARY),
        "sharing": document("example-sharing", SHARING),
        "ice_priority": [{"from": "2009-06-11", **document("example-regime", REGIME)}],
        "detainer": document("example-policy", POLICY),
        "capacity_per_day": {"eastern": None},
        "discretion": {"ask_status": 0, "notify": 1, "hold": 1, "transfer": 1, "access": 1},
        "silence": {"ask_status": False, "notify": False, "hold": False, "transfer": False, "access": False},
        "pickup": {"told_rate": {"otherwise": 1}, "untold_rate": 1, "within_hours": 72},
        "outcomes": {"removed": {"weight": 0.8, "days": [12, 75]}, "relief": {"weight": 0.2, "days": [40, 75]}},
        "feedback": True,
        "holidays": ["2009-07-03"],
        "records": {"more_than_one_share": 0, "years_back": 4},
        "galleries": {"rows": 1000, "overlap": 500},
        **changes,
    }
    return RunSettings.model_validate(chosen)


def request(person: int = PERSON, oca: str = OCA, **changes: Any) -> BookingRequest:
    """The booking of Heron-41: a Thursday night, to be let go on Friday at five in the afternoon."""
    prints = capture(SEED, person, f"{ORI}/{oca}")
    chosen = {
        "ori": ORI,
        "oca": oca,
        "label": "Heron-41",
        "booked_at": "2009-06-12T02:40:00Z",
        "sex": "F",
        "birth_year": 1981,
        "place_of_birth": "XX",
        "charge": {"ncic": "2303", "literal": "SHOPLIFTING", "offense_class": "misdemeanor"},
        "prints": {"codes": prints.hex_codes(), "qualities": prints.qualities},
        "local": {"group": "A", "stop_reason": "called by a store detective", "local_offense_code": "266-30A"},
        "papers": {"lawful_status_proof": False},
        "custody": {"charge_filed_at": "2009-06-12T13:30:00Z", "release_at": "2009-06-12T21:00:00Z"},
        **changes,
    }
    return BookingRequest.model_validate(chosen)


def told(services: Mapping[str, Service]) -> dict[str, Raw]:
    """The examples by file name, each the event of the story that the file shows."""
    house = House(services, "contract-example-41", settings())
    house.book(request())
    house.book(request(ON_NO_FILE, "WREN-7", label="Wren-7", booked_at="2009-06-12T02:55:00Z"))
    house.finish()
    (transferred,) = house.said("custody.changed.v1", stage="transferred")
    (outcome,) = house.said("outcome.recorded.v1")
    shown = {event["type"]: event for event in reversed(house.events)}
    shown |= {
        event["type"]: event
        for event in house.events
        if event["id"] in (transferred["causationid"], outcome["causationid"])
    }
    return {**shown, "custody.changed.v1.transferred": transferred, "checkpoint.published.v1": logged(house.events)}


def logged(events: Sequence[Raw]) -> Raw:
    """The announcement of the log that holds what these events disclosed, in a vault whose keys are all zero."""
    secret = Secret(1, bytes(32))
    read = [reader(Consumed).validate_python(event) for event in events]
    rows = [row for event in read for row in rows_of(event)]
    root = root_of([leaf_hash(entry_of(row, secret.commitment(row), "open")) for row in rows])
    covered = {keys.stream(event.type): f"{int(event.time.timestamp() * 1000)}-0" for event in read}
    last = max(event.time for event in read)
    return json.loads(announcement(Checkpoint(ORIGIN, len(rows), root), covered, last.timestamp()))


def written() -> dict[str, Raw]:
    """The examples by file name, as the files have them."""
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(EXAMPLES.glob("*.json"))}


def main() -> None:
    """Writes the files anew."""
    with TemporaryDirectory() as folder, built_services(Path(folder)) as services:
        for name, event in told(services).items():
            text = json.dumps(event, indent=2, ensure_ascii=False)
            (EXAMPLES / f"{name}.json").write_text(f"{text}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
