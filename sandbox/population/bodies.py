"""The bookings of a scenario as the jail's system sends them: the bodies of `POST /bookings`."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from sandbox.population.people import NOWHERE, People, birthplaces, oca_of, people
from sandbox.scenario import Scenario
from services.chassis.draws import draws

CHUNK = 4096
"""How many people are made at once: their columns fit the processor's cache."""

BIRDS = (
    "Avocet", "Bittern", "Bunting", "Curlew", "Dipper", "Dunlin", "Egret", "Fulmar", "Gannet", "Godwit", "Grebe",
    "Heron", "Jackdaw", "Kestrel", "Lapwing", "Linnet", "Merlin", "Nightjar", "Osprey", "Petrel", "Pipit", "Plover",
    "Redstart", "Ruff", "Shrike", "Siskin", "Teal", "Tern", "Turnstone", "Wagtail", "Whimbrel", "Wigeon", "Wren",
)  # fmt: skip
"""What people are called here: never names, faces or ethnic labels."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def bookings(
    scenario: Scenario, seed: int, count: int, first: int = 0, end: int | None = None
) -> Iterator[dict[str, Any]]:
    """The bookings `first` to `end` (all, unless said) of `count` that sample the whole period, in the order of time.

    Each is the body of `POST /bookings`.
    """
    stop = count if end is None else end
    for start in range(first, stop, CHUNK):
        yield from bodies(people(scenario, seed, count, start, min(start + CHUNK, stop)))


def bodies(booked: People) -> Iterator[dict[str, Any]]:
    """The bodies of these people's bookings."""
    scenario = booked.scenario
    oris = list(scenario.agencies)
    places = birthplaces(scenario)
    prints = booked.prints()
    birds = (draws(booked.seed, "population.label", booked.numbers) * len(BIRDS)).astype(int).tolist()
    columns = zip(
        booked.numbers.tolist(),
        booked.agency.tolist(),
        booked.booked_at.tolist(),
        booked.charge.tolist(),
        booked.group_b.tolist(),
        booked.woman.tolist(),
        booked.birth_year.tolist(),
        booked.birthplace.tolist(),
        booked.lawful_status_proof.tolist(),
        zip(*(column.tolist() for column in booked.custody.values()), strict=True),
        strict=True,
    )
    for index, (number, agency, booked_at, charge, group_b, woman, year, place, papers, times) in enumerate(columns):
        taken = prints.prints(index)
        arrested_for = scenario.charges[charge]
        yield {
            "ori": oris[agency],
            "oca": oca_of(number),
            "label": f"{BIRDS[birds[index]]}-{number + 1}",
            "booked_at": _wire(booked_at),
            "sex": "F" if woman else "M",
            "birth_year": year,
            "place_of_birth": places[place],
            "charge": {
                "ncic": arrested_for.ncic,
                "literal": arrested_for.literal,
                "offense_class": arrested_for.offense_class,
                "minor_traffic": arrested_for.minor_traffic,
                "domestic_violence": arrested_for.domestic_violence,
            },
            "prints": {"codes": list(taken.hex_codes()), "qualities": list(taken.qualities)},
            "local": {"group": "B" if group_b else "A", "local_offense_code": arrested_for.local_offense_code},
            "papers": {"lawful_status_proof": papers},
            "custody": {name: _wire(at) for name, at in zip(booked.custody, times, strict=True) if at != NOWHERE},
        }


def _wire(moment: int) -> str:
    return (_EPOCH + timedelta(seconds=moment)).strftime("%Y-%m-%dT%H:%M:%SZ")
