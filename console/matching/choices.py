"""What is chosen on the page, as it stands in the page's address."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

LEAST_DECIBELS, MOST_DECIBELS, DECIBEL_STEP = 30, 150, 5
LEAST_GALLERY, MOST_GALLERY, GALLERY_STEP = 4.0, 8.3, 0.02

Model = Literal["afit-2012", "ident-2004"]
Taking = Literal["usual", "poor", "bandaged"]


class Matching(BaseModel):
    """What a measurement depends on: the prints, not the gallery and not the threshold."""

    model_config = ConfigDict(frozen=True)

    model: Model = "afit-2012"
    fingers: Literal["10", "2"] = "10"
    poor: Annotated[int, Field(ge=0, le=100)] = 0
    missing: Annotated[float, Field(ge=0, le=30)] = 0.4

    @property
    def count(self) -> int:
        """How many fingers are taken."""
        return int(self.fingers)

    @property
    def poor_share(self) -> float:
        """Of captures: those that are poor."""
        return self.poor / 100

    @property
    def missing_share(self) -> float:
        """Of fingers: those that cannot be taken."""
        return self.missing / 100


class Choices(Matching):
    """The state of the page. `gallery` is a power of ten, so that a slider can run over four of them."""

    gallery: Annotated[float, Field(ge=LEAST_GALLERY, le=MOST_GALLERY)] = 8.0
    db: Annotated[int, Field(ge=LEAST_DECIBELS, le=MOST_DECIBELS)] = 130
    stale: Annotated[float, Field(ge=0, le=5)] = 1.6
    person: Annotated[int, Field(ge=1, le=9_999)] = 41
    taking: Taking = "usual"

    @property
    def rows(self) -> int:
        """How many people are on file, to two digits."""
        return int(float(f"{10**self.gallery:.1e}"))

    @property
    def false_match_rate(self) -> float:
        """The most that the chance of a match between two strangers may be."""
        return rate_of_decibels(self.db)

    @property
    def matching(self) -> Matching:
        """What of this a measurement depends on."""
        return Matching(model=self.model, fingers=self.fingers, poor=self.poor, missing=self.missing)


def rate_of_decibels(decibels: float) -> float:
    """90 dB is one false match in a thousand million comparisons."""
    return float(10 ** (-decibels / 10))
