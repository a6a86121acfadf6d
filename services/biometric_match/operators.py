"""Who may script the matcher: somebody with a token of audit's for the role `operator`.

The matcher has no key to tell tokens by. It asks audit whose token it was handed, as a resource server asks an
authorization server (token introspection, cf. RFC 7662).
"""

from http import HTTPStatus

import httpx
from pydantic import BaseModel, ConfigDict, ValidationError

from services.chassis.errors import InfrastructureError, InteropError

PATIENCE_SECONDS = 5.0
"""How long audit may take to say whose token it is."""

OPERATOR = "operator"
_HOW = "'interop audit token operator NAME --for ORI' makes one"


class Bearer(BaseModel):
    """Somebody with a token, as audit tells it. `records` are bookings, or ORIs, which stand for an agency's."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    role: str
    name: str
    records: tuple[str, ...]

    def may_script(self, subject: str) -> bool:
        """Whether they are named for this booking."""
        return subject in self.records or subject.partition("/")[0] in self.records


class _Refusal(BaseModel):
    code: str
    message: str


class _Refused(BaseModel):
    error: _Refusal


class Guard:
    """Lets operators in, and nobody else. Keeps its connection to audit open."""

    def __init__(self, audit_url: str | None, *, transport: httpx.AsyncBaseTransport | None = None) -> None:
        """Names audit.

        Args:
            audit_url: where audit answers; without it nobody is let in.
            transport: how it is reached; over the network, if none is given.
        """
        self._url = None if audit_url is None else audit_url.rstrip("/")
        self._client = httpx.AsyncClient(transport=transport, timeout=PATIENCE_SECONDS, trust_env=False)

    async def operator(self, authorization: str | None) -> Bearer:
        """The operator whose token an `Authorization` header carries.

        Raises:
            InteropError: `no-audit` (503); `no-token`, `bad-token` (401), in audit's words; `not-operator` (403).
            InfrastructureError: audit does not answer, or what answers is not audit.
        """
        bearer = await self._bearer(authorization)
        if bearer.role != OPERATOR:
            raise InteropError(
                "not-operator",
                f"the token of {bearer.role} '{bearer.name}' scripts nothing; {_HOW} that does",
                status=HTTPStatus.FORBIDDEN,
            )
        return bearer

    async def _bearer(self, authorization: str | None) -> Bearer:
        if self._url is None:
            raise InteropError(
                "no-audit",
                "the matcher does not know where audit is, which tells whose token is whose;"
                " set INTEROP_AUDIT_URL and start it again",
                status=HTTPStatus.SERVICE_UNAVAILABLE,
            )
        # Headers come as latin-1, and go on as the bytes that they were.
        headers = {} if authorization is None else {b"Authorization": authorization.encode("latin-1")}
        try:
            answer = await self._client.get(f"{self._url}/token", headers=headers)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise InfrastructureError(
                f"audit is out of reach ({type(error).__name__}), which tells whose token this is; start it, try again"
            ) from error
        return _told(answer)


def allowed(bearer: Bearer, subject: str) -> None:
    """Lets an operator pass who is named for a booking.

    Raises:
        InteropError: `not-yours` (403).
    """
    if not bearer.may_script(subject):
        raise InteropError(
            "not-yours",
            f"the token of operator '{bearer.name}' is not for '{subject}'; {_HOW} that is",
            status=HTTPStatus.FORBIDDEN,
        )


def _told(answer: httpx.Response) -> Bearer:
    try:
        if answer.status_code == HTTPStatus.OK:
            return Bearer.model_validate_json(answer.content)
        if answer.status_code == HTTPStatus.UNAUTHORIZED:
            refusal = _Refused.model_validate_json(answer.content).error
            raise InteropError(refusal.code, refusal.message, status=HTTPStatus.UNAUTHORIZED)
    except ValidationError as error:
        raise _not_audit("something else than audit would") from error
    raise _not_audit(str(answer.status_code))


def _not_audit(answered: str) -> InfrastructureError:
    return InfrastructureError(f"at INTEROP_AUDIT_URL, where audit should be, was answered {answered}; mend that")
