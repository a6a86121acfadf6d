"""Finds people to book by hand in the population of the scenario `live`, by what is true of them.

    python -m console.flow.cast          people of each kind, and what runs under the laws that show them are pinned to
    python -m console.flow.cast POLICY   what a run of `live` under a policy is pinned to, as `POST /runs` takes it

A process of its own: it needs the lab, which the web page does not load.
"""

import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl

from console.flow.kinds import ANYBODY, KINDS, LIVE_POLICY, Kind
from console.flow.words import OFFENSES, STATUSES
from console.working import run
from sandbox.house import LIVE_SEED
from sandbox.lab.flow import simulate
from sandbox.population import NOWHERE, People, bookings, people
from sandbox.scenario import Scenario, load_scenario, resolve
from services.booking.handlers import DEFAULT_STAY

CROWD = 12_000
"""People who are looked through: enough for several of the rarest kind."""

MOST = 12
"""People kept of a kind, so that one can book it again and again."""

CITIZENS = ("us_born", "naturalized_citizen", "derived_citizen")
TIMES = ("booked_at", "custody")
"""What a booking by hand leaves out: it happens when it is sent."""


def cast(crowd: int = CROWD, most: int = MOST) -> dict[str, list[dict[str, Any]]]:
    """People of each kind, and some of any: each with the body of `POST /bookings` and what is true of them."""
    scenario = load_scenario("live")
    booked = as_by_hand(people(scenario, LIVE_SEED, crowd))
    told: dict[str, list[dict[str, Any]]] = {}
    tables = {policy: _table(booked, scenario, policy) for policy in {kind.policy for kind in KINDS}}
    for kind in KINDS:
        told[kind.key] = _people_of(kind, tables[kind.policy], scenario, crowd, most)
    anybody = Kind(ANYBODY, "", "", {})
    told[ANYBODY] = _people_of(anybody, tables[LIVE_POLICY], scenario, crowd, 10 * most)
    return told


def as_by_hand(booked: People) -> People:
    """The same people as they are booked by hand, without times: the jail keeps them as long as it does by itself."""
    never = np.full(len(booked), NOWHERE, np.int64)
    custody = dict.fromkeys(booked.custody, never)
    custody["release_at"] = booked.booked_at + int(DEFAULT_STAY.total_seconds())
    return replace(booked, custody=custody)


def settings_under(policy: str) -> dict[str, Any]:
    """What a run of `live` under a policy is pinned to."""
    return resolve(load_scenario("live"), seed=LIVE_SEED, policy=policy).model_dump(mode="json")


def settings() -> dict[str, Any]:
    """What runs of `live` are pinned to under the laws that show the kinds."""
    return {policy: settings_under(policy) for policy in {kind.policy for kind in KINDS}}


def _table(booked: People, scenario: Scenario, policy: str) -> pl.DataFrame:
    """Everybody, with what comes of them under a policy; cases' columns are null for who matches nothing."""
    found = simulate(booked, resolve(scenario, seed=LIVE_SEED, policy=policy), only_on_file=True)
    cases = found.cases.drop("booked_on", "group", "status", strict=False)
    minor = [charge.minor for charge in scenario.charges]
    return (
        found.bookings.join(cases, on="number", how="left")
        .with_columns(
            stale=pl.Series(booked.stale),
            minor=pl.Series([minor[charge] for charge in booked.charge.tolist()]),
            transferred=pl.col("transferred_on").is_not_null(),
            citizen=pl.col("status").cast(pl.String).is_in(CITIZENS),
        )
        .sort("number")
    )


def _people_of(kind: Kind, table: pl.DataFrame, scenario: Scenario, crowd: int, most: int) -> list[dict[str, Any]]:
    wanted = [pl.col(name).eq(value) for name, value in kind.where.items()]
    found = table.filter(pl.all_horizontal(wanted)) if wanted else table
    return [_person(row, scenario, crowd) for row in found.head(most).iter_rows(named=True)]


def _person(row: Mapping[str, Any], scenario: Scenario, crowd: int) -> dict[str, Any]:
    (body,) = bookings(scenario, LIVE_SEED, crowd, row["number"], row["number"] + 1)
    return {"body": {name: value for name, value in body.items() if name not in TIMES}, "truth": _truth(row, body)}


def _truth(row: Mapping[str, Any], body: Mapping[str, Any]) -> str:
    """Who the person truly is, and what the federal files say of them."""
    told = f"{STATUSES[row['status']]}, arrested for {body['charge']['literal'].lower()}"
    told += f" ({OFFENSES[body['charge']['offense_class']]})."
    if row["stale"] and row["recorded_status"]:
        told += f" DHS' record is out of date: it is that of {STATUSES[row['recorded_status']]}."
    return told[0].upper() + told[1:] + _ON_FILE[bool(row["in_iafis"]), bool(row["in_ident"])]


_ON_FILE = {
    (True, True): " On file at the FBI and at DHS.",
    (True, False): " On file: the FBI's database.",
    (False, True): " On file: DHS' database.",
    (False, False): " On file nowhere.",
}
"""Whether in IAFIS, whether in IDENT -> what is said of it."""


def main() -> None:
    """The entry point."""
    policy = sys.argv[1] if len(sys.argv) > 1 else None
    run(lambda _: {"people": cast(), "settings": settings()} if policy is None else settings_under(policy))


if __name__ == "__main__":
    main()
