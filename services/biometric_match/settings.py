"""What the biometric matcher needs to know besides what every service does. Documented in docs/settings.md."""

from pydantic import Field

from services.chassis.settings import ServiceSettings


class MatcherSettings(ServiceSettings):
    """Whom the matcher asks."""

    audit_url: str | None = Field(
        default=None,
        pattern=r"^https?://",
        description="Where audit answers, which tells who may script the matcher. Without it nobody may.",
    )
