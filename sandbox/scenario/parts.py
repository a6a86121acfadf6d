"""The base of everything in a scenario file: nothing undeclared, nothing changed afterwards."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(ge=0, le=1)]
Weight = Annotated[float, Field(ge=0)]
Hours = tuple[Annotated[float, Field(ge=0)], Annotated[float, Field(ge=0)]]


class Part(BaseModel):
    """A part of a scenario file."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)
