"""The settings of the console, read from the environment (`INTEROP_...`). Documented in docs/settings.md."""

from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field
from pydantic_settings import NoDecode

from services.chassis.settings import RedisSettings

Addresses = Annotated[
    tuple[str, ...], NoDecode, BeforeValidator(lambda text: text.split() if isinstance(text, str) else text)
]
"""Base addresses, separated by spaces."""


class ConsoleSettings(RedisSettings):
    """Where the console answers, and where the services do that it talks to."""

    host: str = Field(default="127.0.0.1", description="The address that the pages are served at.")
    port: int = Field(default=8000, ge=0, le=65535, description="The port of the pages; 0 takes a free one.")
    state_dir: Path = Field(
        default=Path(".interop/console"), description="Where the console keeps what it makes: downloads of comparisons."
    )
    log_level: str = Field(
        default="WARNING",
        pattern="^(DEBUG|INFO|WARNING|ERROR|CRITICAL)$",
        description="The lowest level of log lines written to stderr.",
    )
    booking_url: str = Field(
        default="http://127.0.0.1:8001", pattern=r"^https?://", description="Where booking answers."
    )
    biometric_match_url: str = Field(
        default="http://127.0.0.1:8002", pattern=r"^https?://", description="Where the matcher answers."
    )
    detainer_url: str = Field(
        default="http://127.0.0.1:8003", pattern=r"^https?://", description="Where detainer answers."
    )
    audit_url: str = Field(default="http://127.0.0.1:8004", pattern=r"^https?://", description="Where audit answers.")
    witnesses: Addresses = Field(default=(), description="Where the witnesses of the log answer, separated by spaces.")
    own_policies: Path = Field(
        default=Path(".interop/policies"),
        description="The folder that policies made in the page are saved in; the console writes no other policy.",
    )
    live_day_seconds: float = Field(
        default=10.0, gt=0, description="How many seconds a day of the run 'live' lasts, as booking is told it."
    )
    house_dir: Path | None = Field(
        default=None,
        description="The folder in which the console asks whoever started the house, and its Redis, to restart Redis.",
    )

    @property
    def services(self) -> dict[str, str]:
        """Service -> base address."""
        return {
            "booking": self.booking_url,
            "biometric_match": self.biometric_match_url,
            "detainer": self.detainer_url,
            "audit": self.audit_url,
        }
