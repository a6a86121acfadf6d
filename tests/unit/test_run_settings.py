"""What a run is pinned to: a regime on every day, a share for every priority, and capacities that mean something."""

from typing import Any

import pytest
from pydantic import ValidationError

from services.booking.events import RunSettings
from tests.contract.story import REGIME, document, settings


def regimes(**days: str) -> list[dict[str, str]]:
    """Regimes by name, each with the day on which it starts."""
    return [{"from": day, **document(name, REGIME)} for name, day in days.items()]


def test_a_run_can_change_its_regime_on_a_day() -> None:
    chosen = settings(ice_priority=regimes(levels="2009-06-11", memo="2010-06-30"))

    assert [f"{regime.since} {regime.id}" for regime in chosen.ice_priority] == ["2009-06-11 levels", "2010-06-30 memo"]


def test_a_regime_may_be_older_than_the_run() -> None:
    assert settings(ice_priority=regimes(levels="2008-10-01")).ice_priority[0].id == "levels"


def test_regimes_are_written_as_they_are_read() -> None:
    chosen = settings(ice_priority=regimes(levels="2009-06-11", memo="2010-06-30"))

    written = chosen.model_dump_json()

    assert '"from":"2010-06-30"' in written
    assert RunSettings.model_validate_json(written) == chosen


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        pytest.param({"ice_priority": []}, "at least 1 item", id="no regime"),
        pytest.param(
            {"ice_priority": regimes(levels="2009-06-12")},
            "no regime is in force when the run opens on 2009-06-11: levels starts later",
            id="a regime that starts after the run",
        ),
        pytest.param(
            {"ice_priority": regimes(memo="2009-06-11", levels="2008-10-01")},
            "regimes stand in the order of their days, but levels follows memo",
            id="the older regime last",
        ),
        pytest.param(
            {"ice_priority": regimes(levels="2009-06-11", memo="2009-06-11")},
            "regimes stand in the order of their days, but memo follows levels",
            id="two regimes on one day",
        ),
        pytest.param(
            {"pickup": {"told_rate": {"level_1": 0.6}, "untold_rate": 0, "within_hours": 60}},
            "the share for all priorities that it does not name is missing: write 'otherwise'",
            id="a rate for one priority only",
        ),
        pytest.param(
            {"pickup": {"told_rate": {"level_1": 60, "otherwise": 0.4}, "untold_rate": 0, "within_hours": 60}},
            "less than or equal to 1",
            id="a rate in percent",
        ),
        pytest.param({"capacity_per_day": {"eastern": -0.5}}, "greater than or equal to 0", id="less than no capacity"),
        pytest.param({"capacity_per_day": {"eastern": float("inf")}}, "finite number", id="a capacity without end"),
    ],
)
def test_a_run_that_cannot_be_decided_is_refused_with_a_sentence(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValidationError) as caught:
        settings(**changes)

    assert sentence in str(caught.value)
