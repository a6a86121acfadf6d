"""What the biometric matcher needs to know besides what every service does. Documented in docs/settings.md."""

from pydantic import Field

from services.chassis.settings import ServiceSettings


class MatcherSettings(ServiceSettings):
    """Whom the matcher asks, and how the galleries are searched and shared out among processes."""

    audit_url: str | None = Field(
        default=None,
        pattern=r"^https?://",
        description="Where audit answers, which tells who may script the matcher. Without it nobody may.",
    )
    shards: int = Field(
        default=1, ge=1, le=64, description="How many processes share the galleries out and search them together."
    )
    shard_patience_seconds: float = Field(
        default=5.0, gt=0, description="An answer that a shard owes for longer makes the service not ready."
    )
    search_threads: int | None = Field(
        default=None, ge=1, le=64, description="How many threads a process searches with; all that there are cores for."
    )
