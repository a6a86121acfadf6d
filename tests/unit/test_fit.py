"""Fitting in the open: what it refuses, what it writes, and that it leaves everything else as it was."""

from pathlib import Path
from shutil import copytree

import pytest

from sandbox import fit
from sandbox.fit import Fitted, fit_scenario, write
from sandbox.scenario import HOME, load_scenario, parameter_hash
from services.chassis.errors import InteropError

BOSTON = "boston-2008-2010"


def test_a_scenario_that_carries_parameters_is_not_fitted() -> None:
    with pytest.raises(
        InteropError, match="nothing-to-fit: boston-2008-2012 carries the parameters of boston-2008-2010"
    ):
        fit_scenario("boston-2008-2012")


def test_a_scenario_without_figures_has_nothing_to_fit() -> None:
    with pytest.raises(InteropError, match="nothing-to-fit: live has no fitted parameters"):
        fit_scenario("live")


def test_what_is_written_is_the_values_and_the_hash_and_nothing_else(tmp_path: Path) -> None:
    copytree(HOME / "scenarios", tmp_path / "scenarios")
    file = tmp_path / "scenarios" / f"{BOSTON}.yaml"
    before = file.read_text(encoding="utf-8").splitlines()
    values = {name: dict.fromkeys(found, 0.33) for name, found in load_scenario(BOSTON).fits.items()}

    write(str(file), Fitted(values, "0123456789abcdef", {}))

    after = file.read_text(encoding="utf-8").splitlines()
    changed = [(old, new) for old, new in zip(before, after, strict=True) if old != new]
    assert len(changed) == sum(map(len, values.values())) + 1
    assert all("value: 0.33}" in new or new == "parameter_hash: 0123456789abcdef" for _, new in changed)


def test_the_hash_is_of_the_values_and_not_of_their_order() -> None:
    fits = dict(load_scenario(BOSTON).fits)

    assert parameter_hash(fits) == parameter_hash(dict(reversed(fits.items()))) == load_scenario(BOSTON).parameter_hash


def test_a_figure_that_no_value_can_meet_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(fit, "BOOKINGS", 2_000)
    monkeypatch.setattr(fit, "SEEDS", (1,))
    monkeypatch.setattr(fit, "ROUNDS", 2)
    copytree(HOME / "scenarios", tmp_path / "scenarios")
    file = tmp_path / "scenarios" / f"{BOSTON}.yaml"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("value: 0.0507\n    band: [0.045, 0.0564]", "value: 0.9\n    band: [0.89, 0.91]"))

    with pytest.raises(InteropError, match="no-fit: boston-2008-2010: no values within their ranges meet"):
        fit_scenario(str(file))
