"""The settings of audit."""

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict

from services.audit.domain import Profile
from services.audit.keys import secret, signer
from services.audit.log import Log, StoredLog, open_database
from services.audit.tlog.notes import Algorithm, Signer
from services.audit.vault import VAULT_FILE, Vault
from services.chassis.settings import ServiceSettings

LOG_KEY_FILE = "log.key"
TOKEN_KEY_FILE = "token.key"  # noqa: S105  the name of a file
ORIGIN = "sandbox.example/audit"


class AuditSettings(ServiceSettings):
    """The settings of audit."""

    model_config = SettingsConfigDict(env_prefix="INTEROP_", frozen=True)

    log_database: SecretStr | None = Field(
        default=None,
        description="A PostgreSQL URL to keep the log in, instead of a SQLite file in the state directory.",
    )
    log_origin: str = Field(
        default=ORIGIN,
        min_length=1,
        pattern=r"^[^\s+]+$",
        description="The log's name, in its checkpoints and its key.",
    )
    log_profile: Profile = Field(
        default="open", description="How much an entry of the log shows: `open` or `official` (quarter and commitment)."
    )
    witnesses: str = Field(
        default="",
        description="Where the witnesses answer, separated by spaces. Without witnesses nothing is published.",
    )
    witness_quorum: int | None = Field(
        default=None, ge=1, description="How many witnesses must cosign what is published; all, if not set."
    )
    publish_seconds: float = Field(default=0.5, gt=0, description="How often a checkpoint is brought to the witnesses.")
    reconcile_seconds: float = Field(default=1.0, gt=0, description="How often log and streams are compared.")

    @property
    def witness_urls(self) -> tuple[str, ...]:
        """Where each of the witnesses answers."""
        return tuple(self.witnesses.split())

    @property
    def quorum(self) -> int:
        """How many of them must cosign."""
        return len(self.witness_urls) if self.witness_quorum is None else self.witness_quorum

    @property
    def log_url(self) -> str | None:
        """The PostgreSQL that holds the log, with its password."""
        return None if self.log_database is None else self.log_database.get_secret_value()

    @property
    def has_key(self) -> bool:
        """Whether the log's key was made already."""
        return (self.state_dir / LOG_KEY_FILE).exists()

    def signer(self) -> Signer:
        """The log's key, made at the first start."""
        return signer(self.state_dir / LOG_KEY_FILE, self.log_origin, Algorithm.ED25519)

    def open_log(self) -> Log:
        """The log, for its only writer.

        Raises:
            InteropError: whatever `Log` refuses to open.
        """
        return Log(open_database(self.log_url, self.state_dir), self.signer(), self.log_profile)

    def open_vault(self) -> Vault:
        """The vault, to be written to."""
        return Vault(self.state_dir / VAULT_FILE)

    def read_log(self) -> StoredLog:
        """The log, to be read beside its writer."""
        return StoredLog(open_database(self.log_url, self.state_dir, read_only=True))

    def read_vault(self) -> Vault:
        """The vault, to be read beside its writer."""
        return Vault(self.state_dir / VAULT_FILE, read_only=True)

    def token_key(self) -> bytes:
        """The key that tokens are signed with, made at the first start."""
        return token_key(self.state_dir)


def token_key(state_dir: Path) -> bytes:
    """The key that tokens are signed with, made where there is none."""
    return secret(state_dir / TOKEN_KEY_FILE)
