"""The report: what each side counts stands in it, and every number that was argued about has both its readings."""

from collections import Counter

import polars as pl

from sandbox.report import disclosures, flow, framings, not_shared, totals
from sandbox.results import BOOKINGS, Results
from tests.unit.tables import SPRING, a_run

REMOVED = {"decided": "lodged", "transferred_on": SPRING, "outcome": "removed"}


def test_those_released_are_told_apart_by_what_kept_ice_from_them() -> None:
    gone = {"decided": "lodged", "on_file": True, "released_on": SPRING}

    custody = totals(
        a_run(
            0,
            gone,
            gone | {"claimed": True, "transfer": True, "transfer_why": "may used: (c)"},
            gone | {"claimed": True, "transfer": False, "transfer_why": "must_not: (c)"},
            gone | {"claimed": True},
        )
    )["custody"]

    assert custody["released"] == 4
    assert custody["released_ice_did_not_come"] == 1
    assert custody["released_before_ice_came"] == 2
    assert custody["released_hand_over_declined"] == 1


def test_removals_without_a_conviction_fall_into_order_re_entry_or_neither() -> None:
    by_level = {"level_by_charge": "level_2"}

    removals = totals(
        a_run(
            0,
            REMOVED | by_level | {"final_order": True, "prior_removal": True},
            REMOVED | by_level | {"prior_removal": True},
            REMOVED | by_level | {"outcome": "returned"},
            REMOVED | by_level | {"final_order": True, "convicted": True, "level_by_conviction": "level_1"},
            REMOVED | {"outcome": "relief"},
        )
    )["removals"]

    assert removals["total"] == 4
    assert removals["without_conviction"] == {"order": 1, "re_entry": 1, "neither": 1}
    assert removals["by_charge_or_conviction"]["level_2"] == 4
    assert removals["by_conviction"] == {"level_1": 1, "level_2": 0, "level_3": 0, "none": 3}


def test_who_the_people_truly_are_is_told_stage_by_stage_and_leaves_nobody_out() -> None:
    resident = {"status": "lawful_permanent_resident", "recorded_status": "lawful_permanent_resident"}
    stale = {"recorded_status": "visa_overstay", "removable": "yes", "stale": True}

    told = totals(
        a_run(
            0,
            {"status": "us_born", "false_match": True} | REMOVED,
            {"status": "derived_citizen"} | stale | {"decided": "lodged", "held": True},
            resident,
            resident | {"removable": "yes"} | REMOVED,
            resident | stale,
            {"status": "visa_overstay", "removable": "yes"} | REMOVED,
        )
    )

    assert {kind: stages["matches"] for kind, stages in told["truth"].items()} == {
        "citizens": 2,
        "lawful_and_not_removable": 2,
        "lawful_and_removable": 1,
        "removable_otherwise": 1,
    }
    citizens = {"matches": 2, "detainers": 2, "holds": 1, "transferred": 1, "removed": 1}
    assert told["truth"]["citizens"] == citizens
    assert told["records"]["false_matches"]["removed"] == 1
    assert told["records"]["stale_records"]["matches"] == 2


def test_a_mate_is_missed_only_where_there_is_one() -> None:
    run = a_run(4)
    known = run.bookings.with_columns(in_ident=run.bookings["number"] < 3)
    searched = known.with_columns(searched=known["number"].replace_strict({0: "match", 1: "error"}, default="no_match"))
    run = type(run)(searched, run.cases)

    assert totals(run)["records"]["missed_mates"] == 2


def test_a_detainer_that_came_after_the_release_is_told() -> None:
    detainers = totals(
        a_run(
            0,
            {"decided": "lodged", "priority": "level_1", "on_file": True},
            {"decided": "lodged", "priority": "other"},
            {"decided": "no_capacity", "priority": "other"},
            {},
        )
    )["detainers"]

    assert detainers == {
        "lodged": 2,
        "no_action": {"no_capacity": 1, "no_priority": 1},
        "lodged_by_priority": {"level_1": 1, "other": 1},
        "came_after_release": 1,
    }


def test_a_lever_says_what_the_policy_answered_what_was_done_and_why() -> None:
    levers = totals(
        a_run(
            0,
            {"hold": True, "hold_why": "may used: (a)"},
            {"hold": False, "hold_why": "may not used: (a)"},
            {"hold": False, "hold_why": "must_not: (b), (c)"},
            {},
        )
    )["levers"]

    assert levers == {
        "hold": {
            "exercised": 1,
            "declined": 2,
            "answered": {"may": 2, "must_not": 1},
            "why": {"may not used: (a)": 1, "may used: (a)": 1, "must_not: (b), (c)": 1},
        }
    }


def test_a_disputed_number_comes_with_both_its_shares_and_both_readings() -> None:
    cases = [
        REMOVED | {"convicted": True, "level_by_charge": "level_1", "level_by_conviction": "level_3"},
        REMOVED | {"convicted": True, "level_by_charge": "level_1", "level_by_conviction": "level_1"},
        REMOVED | {"level_by_charge": "level_1", "final_order": True},
        REMOVED,
        {},
    ]
    told = totals(a_run(9, *cases))

    convictions, matches, level, without = framings(told)

    assert "50 % had a conviction, and 75 % had none or no more than two misdemeanours" in convictions["sentence"]
    assert "80 % were removed, and 20 % were not" in matches["sentence"]
    assert "75 % are of Level 1 if a charge counts, and 25 % if only a conviction does" in level["sentence"]
    assert "50 % were under an order of removal, 0 % were back" in without["sentence"]
    assert all(len(row["readings"]) == 2 for row in framings(told))


def test_a_run_in_which_nothing_happened_has_a_report_with_nothing_to_dispute() -> None:
    nothing = totals(a_run())

    assert framings(nothing) == []
    assert {number for _, number in flow(nothing)} == {0}


def test_disclosures_are_told_in_order() -> None:
    counted = Counter({("LEA", "ICE", ("claim",)): 2, ("FBI", "DHS", ("biographic", "biometric")): 5})

    assert disclosures(counted) == [
        {"from": "FBI", "to": "DHS", "categories": ["biographic", "biometric"], "count": 5},
        {"from": "LEA", "to": "ICE", "categories": ["claim"], "count": 2},
    ]


# What was not shared


def a_run_of_three_ends() -> Results:
    """Ten bookings: three cited, two whose prints were kept, one that was not relayed, four shared."""
    run = a_run(10)
    handled = ["cited"] * 3 + ["kept"] * 2 + ["submitted"] * 5
    searched = [None] * 6 + ["no_match"] * 4
    columns = [pl.Series("handled", handled), pl.Series("searched", searched), pl.lit(value=True).alias("in_ident")]
    return Results(run.bookings.with_columns(columns).cast(BOOKINGS), run.cases)


def test_what_was_not_shared_is_told_by_where_the_prints_ended() -> None:
    told = totals(a_run_of_three_ends())

    assert told["not_shared"] == {"cited": 3, "kept": 2, "not_relayed": 1}
    assert (told["bookings"], told["submissions"]) == (10, 5)
    assert flow(told)[:5] == [
        ("bookings", 10),
        ("cited instead, without prints", 3),
        ("prints kept by the agency", 2),
        ("fingerprints submitted to the FBI, and no further", 1),
        ("fingerprints submitted to the FBI, and relayed to DHS", 4),
    ]


def test_nobody_is_missed_of_whom_dhs_was_never_asked() -> None:
    assert totals(a_run_of_three_ends())["records"]["missed_mates"] == 4


def test_the_report_says_what_of_it_was_possible_in_reality_and_at_what_cost() -> None:
    cited, kept, not_relayed = not_shared(totals(a_run_of_three_ends()))

    assert cited.startswith("Of 10 people, 3 were cited")
    assert "partly possible" in cited
    assert "costs the FBI's answer" in cited
    assert "partly possible" in kept
    assert "costs the FBI's answer" in kept
    assert "never possible" in not_relayed


def test_where_everything_was_shared_nothing_is_said_of_it() -> None:
    told = totals(a_run(10))

    assert not_shared(told) == []
    assert flow(told)[:2] == [("bookings", 10), ("fingerprints submitted to the FBI, and relayed to DHS", 10)]
