"""Fitting in the open: the parameters of a scenario that meet its fitted figures, found from these alone.

Each fitted parameter answers to one figure. The fit starts in the middle of what a parameter may be, never from what
a file says now, looks at no prediction, and always simulates the same people. So anybody who runs it finds the same
values, and the same hash.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sandbox.lab.flow import simulate
from sandbox.metrics import METRICS
from sandbox.population import people
from sandbox.results import Results
from sandbox.scenario import (
    Figure,
    Fit,
    FittedParameter,
    Scenario,
    load_scenario,
    parameter_hash,
    resolve,
    scenario_path,
    with_gallery_rows,
)
from sandbox.scenario.files import find, with_parameters
from services.chassis.errors import InteropError

SEEDS = (1, 2, 3, 4)
BOOKINGS = 200_000
"""Bookings for each seed. With four seeds a share of removals is known to about a point."""

GALLERY_ROWS = 1_000_000
"""Enough that hardly anybody is booked twice, so that chance in the records does not pass for a property."""

ROUNDS = 24
STEP = 0.1
"""How far a parameter is moved to see what follows, as a share of its range."""

LONGEST_LEAP = 0.3
EDGE = 0.01
"""How far a parameter moves at once, and how near it comes to the ends of its range: at an end nothing can be learnt
about what lies beyond it."""

CLOSE_ENOUGH = 0.05
"""How near to a figure a fit must come, in half-widths of the figure's band."""

DIGITS = 4

Vector = NDArray[np.float64]
OnRound = Callable[[str, int, float], None]
"""Told the explanation, the number of the simulation and the largest miss, in half-widths of a band."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """What a fit found: the values by explanation and place, and their hash."""

    values: Mapping[str, Mapping[str, float]]
    hash: str
    misses: Mapping[str, Mapping[str, float]]
    """How far each figure was missed in the end, in half-widths of its band."""


def fit_scenario(name: str, on_round: OnRound = lambda *_: None) -> Fitted:
    """The fitted parameters of a scenario, under each of its explanations.

    Raises:
        InteropError: `nothing-to-fit`, when the scenario has no fitted parameters or carries those of another;
            `no-fit`, when no values within their ranges meet the figures.
    """
    scenario = load_scenario(name, check_hash=False)
    if scenario.parameters_of is not None:
        raise InteropError(
            "nothing-to-fit",
            f"{scenario.scenario} carries the parameters of {scenario.parameters_of}; fit that one",
        )
    if not scenario.fits:
        raise InteropError("nothing-to-fit", f"{scenario.scenario} has no fitted parameters")
    values: dict[str, dict[str, float]] = {}
    misses: dict[str, dict[str, float]] = {}
    fits: dict[str, Fit] = {}
    for explanation, fit in scenario.fits.items():
        told = load_scenario(name, explanation or None, check_hash=False)
        found, missed = _solve(told, fit, lambda *row, which=explanation: on_round(which, *row))
        values[explanation] = dict(zip(fit, found, strict=True))
        misses[explanation] = dict(zip((fitted.figure for fitted in fit.values()), missed, strict=True))
        fits[explanation] = {
            place: FittedParameter(figure=fitted.figure, between=fitted.between, value=value)
            for (place, fitted), value in zip(fit.items(), found, strict=True)
        }
    return Fitted(values, parameter_hash(fits), misses)


def write(name: str, fitted: Fitted) -> Path:
    """Put the fitted values and their hash into the scenario's file, and leave the rest of it as it is."""
    path = scenario_path(name)
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    written: dict[tuple[str, ...], str] = {("parameter_hash",): fitted.hash}
    for explanation, values in fitted.values.items():
        above = ("explanations", explanation, "fit") if explanation else ("fit",)
        written |= {(*above, place, "value"): f"{value:g}" for place, value in values.items()}
    # From the end of the file to its start, so that what is replaced moves nothing that is still to be.
    found = sorted((find(path, place), text) for place, text in written.items())
    for (line, column, length), text in reversed(found):
        before = lines[line - 1]
        lines[line - 1] = before[: column - 1] + text + before[column - 1 + length :]
    path.write_text("".join(lines), encoding="utf-8")
    return path


def _solve(
    scenario: Scenario, fit: Fit, on_round: Callable[[int, float], None]
) -> tuple[Sequence[float], Sequence[float]]:
    """Broyden's method from the middle of the ranges, within them. Misses are in half-widths of the bands."""
    by_name = {figure.figure: figure for figure in scenario.published}
    figures = [by_name[fitted.figure] for fitted in fit.values()]
    low = np.array([fitted.between[0] for fitted in fit.values()])
    high = np.array([fitted.between[1] for fitted in fit.values()])
    rounds = iter(range(1, ROUNDS + len(fit) + 2))

    def missed(point: Vector) -> Vector:
        values = dict(zip(fit, (low + point * (high - low)).tolist(), strict=True))
        misses = _misses(with_parameters(scenario, values), figures)
        on_round(next(rounds), float(np.abs(misses).max()))
        return misses

    point = np.full(len(fit), 0.5)
    misses = missed(point)
    slopes = np.empty((len(figures), len(fit)))
    for column in range(len(fit)):
        moved = point.copy()
        moved[column] += STEP
        slopes[:, column] = (missed(moved) - misses) / STEP
    for _ in range(ROUNDS):
        if np.abs(misses).max() <= CLOSE_ENOUGH:
            break
        leap = np.clip(-np.linalg.solve(slopes, misses), -LONGEST_LEAP, LONGEST_LEAP)
        target = np.clip(point + leap, EDGE, 1 - EDGE)
        step = target - point
        if not step.any():
            break
        point, before = target, misses
        misses = missed(point)
        slopes += np.outer(misses - before - slopes @ step, step) / (step @ step)
    if np.abs(misses).max() > 1:
        worst = figures[int(np.abs(misses).argmax())]
        raise InteropError(
            "no-fit", f"{scenario.scenario}: no values within their ranges meet '{worst.figure}'; widen 'between'"
        )
    values = low + point * (high - low)
    return [float(f"{value:.{DIGITS}g}") for value in values], misses.tolist()


def _misses(scenario: Scenario, figures: Sequence[Figure]) -> Vector:
    runs = [_run(scenario, seed) for seed in SEEDS]
    return np.array([(_simulated(figure, runs) - figure.value) / _half_width(figure) for figure in figures])


def _run(scenario: Scenario, seed: int) -> Results:
    large = with_gallery_rows(scenario, GALLERY_ROWS)
    settings = resolve(large, seed=seed, bookings=BOOKINGS)
    return simulate(people(large, seed, BOOKINGS), settings, only_on_file=True)


def _simulated(figure: Figure, runs: Sequence[Results]) -> float:
    metric, window = METRICS[figure.metric], figure.window
    if metric.of is None:
        raise InteropError("no-fit", f"'{figure.figure}' is a count; fit a share instead")
    part = sum(metric.part.count(run, window.since, window.until) for run in runs)
    whole = sum(metric.of.count(run, window.since, window.until) for run in runs)
    return part / max(whole, 1)


def _half_width(figure: Figure) -> float:
    return (figure.band[1] - figure.band[0]) / 2
