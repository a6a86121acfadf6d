"""The settings that every service shares, read from the environment (`INTEROP_...`)."""

from pathlib import Path
from socket import gethostname
from urllib.parse import quote, urlsplit

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.chassis.errors import InteropError


class RedisSettings(BaseSettings):
    """Where Redis answers: for the services, and for the console, which reads their streams."""

    model_config = SettingsConfigDict(env_prefix="INTEROP_", frozen=True)

    redis_url: SecretStr = Field(
        default=SecretStr("redis://127.0.0.1:6379/0"),
        description="Where Redis (7.0 or newer) or Valkey answers, with user and password if it asks for them.",
    )
    redis_password_file: Path | None = Field(
        default=None, description="A file that holds the password of the user in INTEROP_REDIS_URL, instead of the URL."
    )

    def redis_address(self) -> str:
        """The whole address of Redis, password included.

        Raises:
            InteropError: `no-password`, when the file that should hold it does not.
        """
        url = self.redis_url.get_secret_value()
        return url if self.redis_password_file is None else with_password(url, self.redis_password_file)


class ServiceSettings(RedisSettings):
    """What a service process needs to know about the place it runs in. Documented in docs/settings.md."""

    host: str = Field(default="127.0.0.1", description="The address that the HTTP interface binds to.")
    port: int = Field(default=0, ge=0, le=65535, description="The port of the HTTP interface; 0 takes a free one.")
    consumer: str = Field(
        default_factory=gethostname,
        min_length=1,
        description="The name of this worker in its consumer groups: stable over restarts, distinct per replica.",
    )
    state_dir: Path = Field(
        default=Path(".interop/service"), description="Where a service keeps files of its own (audit: its ledger)."
    )
    batch: int = Field(default=256, ge=1, le=5000, description="The most entries taken from a stream in one read.")
    lease_ms: int = Field(
        default=15_000,
        ge=100,
        description="How long a worker may hold an entry without renewing it before another takes it over.",
    )
    attempts: int = Field(
        default=3, ge=1, description="How often an entry may fail alone before it becomes a dead letter."
    )
    poll_ms: int = Field(default=500, ge=10, le=3000, description="How long one read waits for new entries.")
    stall_seconds: float = Field(
        default=30.0, gt=0, description="A backlog without progress for this long makes the service not ready."
    )
    graceful_seconds: float = Field(
        default=10.0, gt=0, description="How long a stopping service may take to finish what it has in hand."
    )
    log_level: str = Field(default="WARNING", description="The lowest level of log lines written to stderr.")
    faults: bool = Field(
        default=False,
        validation_alias="SANDBOX_FAULTS",
        description="Whether the service can be broken on purpose, with the switches under /faults.",
    )


def with_password(url: str, file: Path) -> str:
    """`url` with the password that `file` holds; line breaks around it don't count.

    Raises:
        InteropError: `no-password`, when it holds none, or cannot be read.
    """
    try:
        password = file.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise InteropError("no-password", f"INTEROP_REDIS_PASSWORD_FILE: {file}: {error.strerror}") from error
    if not password:
        raise InteropError("no-password", f"INTEROP_REDIS_PASSWORD_FILE: {file} is empty")
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return parts._replace(netloc=f"{parts.username or ''}:{quote(password, safe='')}@{host}").geturl()
