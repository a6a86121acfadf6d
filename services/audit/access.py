"""Who may read what: a token names a subject, or an auditor and the records that they are named for.

An operator reads nothing: they may script the matcher for the records that they are named for. The matcher asks here
whose token it was handed.

The public needs no token for what is public. A token is a JWT (HS256) signed with a key that the service made at its
first start; whoever can read that file can hand out tokens, and nobody else.
"""

import time
from dataclasses import dataclass
from typing import Any, Literal

import jwt

from services.chassis.errors import InteropError

Role = Literal["subject", "auditor", "operator"]

VALID_SECONDS = 7 * 24 * 3600
_ALGORITHM = "HS256"
_AUDIENCE = "interop-sandbox-audit"


@dataclass(frozen=True, slots=True)
class Bearer:
    """Somebody with a token. `records` are booking references, or ORIs, which stand for all records of an agency."""

    role: Role
    name: str
    records: tuple[str, ...]

    def may_read(self, subject: str) -> bool:
        """Whether the records about this subject are theirs to read."""
        agency = subject.partition("/")[0]
        match self.role:
            case "subject":
                return subject in self.records
            case "auditor":
                return subject in self.records or agency in self.records
            case "operator":
                return False


def subject_token(key: bytes, subject: str, valid_seconds: int = VALID_SECONDS) -> str:
    """A token for somebody who may read what was disclosed about themselves, and have it expunged."""
    return _token(key, Bearer("subject", subject, (subject,)), valid_seconds)


def auditor_token(key: bytes, name: str, records: tuple[str, ...], valid_seconds: int = VALID_SECONDS) -> str:
    """A token for an auditor who is named for some records.

    Raises:
        InteropError: `no-records`, for an auditor who is named for none.
    """
    if not records:
        raise InteropError("no-records", f"name the records that '{name}' may read: '--for ORI/OCA', or '--for ORI'")
    return _token(key, Bearer("auditor", name, records), valid_seconds)


def operator_token(key: bytes, name: str, records: tuple[str, ...], valid_seconds: int = VALID_SECONDS) -> str:
    """A token for an operator, who may script the matcher for some records.

    Raises:
        InteropError: `no-records`, for an operator who is named for none.
    """
    if not records:
        raise InteropError("no-records", f"name the records that '{name}' may script: '--for ORI/OCA', or '--for ORI'")
    return _token(key, Bearer("operator", name, records), valid_seconds)


def bearer_of(key: bytes, header: str | None) -> Bearer:
    """Whose token an `Authorization` header carries.

    Raises:
        InteropError: `no-token`, `bad-token` (both 401).
    """
    scheme, _, token = (header or "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise InteropError(
            "no-token", "send 'Authorization: Bearer TOKEN'; 'interop audit token' makes one", status=401
        )
    try:
        claims: dict[str, Any] = jwt.decode(
            token, key, algorithms=[_ALGORITHM], audience=_AUDIENCE, options={"require": ["exp", "sub", "role", "for"]}
        )
    except jwt.PyJWTError as error:
        raise InteropError(
            "bad-token",
            f"this token is not valid ({error}); 'interop audit token' makes another, where this house was started",
            status=401,
        ) from error
    return Bearer(claims["role"], claims["sub"], tuple(claims["for"]))


def allowed(bearer: Bearer, subject: str) -> None:
    """Lets somebody pass who may read about a subject.

    Raises:
        InteropError: `not-yours` (403).
    """
    if not bearer.may_read(subject):
        raise InteropError(
            "not-yours", f"the token of {bearer.role} '{bearer.name}' is not for '{subject}'", status=403
        )


def _token(key: bytes, bearer: Bearer, valid_seconds: int) -> str:
    claims = {
        "aud": _AUDIENCE,
        "sub": bearer.name,
        "role": bearer.role,
        "for": list(bearer.records),
        "exp": int(time.time()) + valid_seconds,
    }
    return jwt.encode(claims, key, algorithm=_ALGORITHM)
