"""Published figures, and the parameters that are fitted to some of them, as a scenario file declares them."""

import json
from datetime import date
from hashlib import sha256
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from sandbox.metrics import METRICS
from sandbox.scenario.parts import Part
from services.chassis.policy.mistakes import did_you_mean

FigureLabel = Literal["input", "fitted", "identity", "prediction"]
"""What agreement with a figure means: nothing (`input`: a parameter is the figure; `fitted`: a parameter was chosen to
meet it; `identity`: it follows from others by arithmetic), or something (`prediction`: nothing was chosen for it)."""


class Window(Part):
    """The days that a figure covers, both included; without `from`, everything up to the last."""

    since: date | None = Field(default=None, alias="from")
    until: date


class Figure(Part):
    """A published number, with everything that is needed to judge an agreement with it."""

    figure: str = Field(pattern=r"^[a-z0-9-]+$")
    metric: str
    window: Window
    value: float
    band: tuple[float, float]
    label: FigureLabel
    source: str
    tag: str
    under: str | None = None
    """The explanation under which the figure means this metric; None where all agree on it."""

    instead: str | None = None
    """A policy: the figure is then about the metric when that policy takes the place of the scenario's."""

    measure: Literal["change", "level"] = "change"
    """Of a figure with `instead`: the relative change from the scenario's own policy, or the metric itself."""

    place: str | None = None
    """Another place that the figure is about, where it is not the scenario's own."""

    note: str | None = None

    @field_validator("metric")
    @classmethod
    def _known_metric(cls, name: str) -> str:
        if name not in METRICS:
            raise ValueError(f"there is no metric '{name}'.{did_you_mean(name, METRICS)}")
        return name

    @model_validator(mode="after")
    def _value_in_band(self) -> "Figure":
        if not self.band[0] <= self.value <= self.band[1]:
            raise ValueError(f"{self.value} lies outside its own band {list(self.band)}")
        return self


class FittedParameter(Part):
    """A parameter that was chosen so that the simulation meets one figure. `value` is what the fit found."""

    figure: str
    between: tuple[float, float]
    value: float

    @model_validator(mode="after")
    def _value_between(self) -> "FittedParameter":
        if not self.between[0] <= self.value <= self.between[1]:
            raise ValueError(f"{self.value} does not lie between {self.between[0]} and {self.between[1]}")
        return self


Fit = Annotated[dict[str, FittedParameter], Field(min_length=1)]
"""Fitted parameters by their place in the file, e.g. `pickup.told_rate.level_1`."""


class Explanation(Part):
    """One of several readings of the published figures that compete, and the parameters that go with it."""

    title: str
    says: str
    source: str
    tag: str
    fit: Fit


def parameter_hash(fits: dict[str, Fit]) -> str:
    """The first 16 hexadecimal digits of the SHA-256 of the fitted values, by explanation and place.

    The same values give the same hash on every machine, so a file that was edited by hand, or not fitted again after
    its figures changed, is found out.
    """
    values = {name: {place: fitted.value for place, fitted in fit.items()} for name, fit in fits.items()}
    return sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16]
