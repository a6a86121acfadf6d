"""The policies over HTTP: what there is, and what it answers about a case that somebody makes up.

Nothing here touches a run, which is pinned to the texts in its `run.opened`. The files are those of a folder, and are
read again whenever they change.
"""

from datetime import date
from pathlib import Path
from typing import Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field
from pydantic_settings import SettingsConfigDict

from services.chassis.errors import InteropError
from services.chassis.policy import Policy, PolicyFolder, decide, stack_in_force
from services.chassis.settings import ServiceSettings

BESIDE_THE_CODE = Path(__file__).parents[2] / "policies"
NOTICE = "Simulated. Not data about any place. Not legal advice."


class DetainerSettings(ServiceSettings):
    """The settings of detainer."""

    model_config = SettingsConfigDict(env_prefix="INTEROP_", frozen=True)

    policies: Path | None = Field(
        default=None,
        description="Detainer only: the folder whose policies GET /policies and POST /decide serve; those beside the"
        " code, if none is named.",
    )


class Question(BaseModel):
    """The body of `POST /decide`: a case, and either a policy or a place and a day."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"policy": "us-ca-trust-act-2014", "facts": {"charge": "felony", "held_to_answer": True}},
                {"place": "US-MA-BOS", "on": "2014-09-01", "custodian": "police_lockup", "facts": {}},
            ]
        },
    )

    facts: dict[str, str | int | bool | None] = Field(default_factory=dict)
    policy: str | None = None
    place: str | None = None
    on: date | None = None
    custodian: str | None = None


def routes(folder: PolicyFolder) -> APIRouter:
    """The HTTP interface to a folder of policies."""
    router = APIRouter(tags=["policies"])

    @router.get("/policies", summary="Every policy in force here, and what is wrong with files that are not")
    def policies() -> dict[str, Any]:
        known = folder.policies
        return {
            "policies": [{**known[identity].summary(), "sha256": known[identity].sha256} for identity in sorted(known)],
            "mistakes": [str(mistake) for mistake in folder.mistakes],
            "notice": NOTICE,
        }

    @router.get("/policies/{identity}", summary="One policy: its headings, clauses and sources")
    def one_policy(identity: str) -> dict[str, Any]:
        return {**_details(folder.policy(identity)), "notice": NOTICE}

    @router.post("/decide", summary="What a policy, or the law of a place on a day, answers about a case")
    def decision(question: Question) -> dict[str, Any]:
        return _answer(folder, question)

    return router


def _answer(folder: PolicyFolder, question: Question) -> dict[str, Any]:
    if question.policy is not None and question.place is None and question.custodian is None:
        policy = folder.policy(question.policy)
        policy.vocabulary.canonical(question.facts)
        return decide(policy, question.facts).as_record() | {"verified": policy.verified_on(question.on)}
    if question.policy is not None or question.place is None or question.on is None:
        raise InteropError("bad-request", "name a policy, or a place and a day ('place' and 'on'), not both.")
    stack = stack_in_force(folder.policies.values(), question.place, question.on, folder.vocabulary)
    return stack.decide(question.facts, question.custodian).as_record()


def _details(policy: Policy) -> dict[str, Any]:
    return {
        **policy.headings(),
        "clauses": [clause.as_record() for clause in policy.clauses],
        "otherwise": None if policy.otherwise is None else policy.otherwise.as_record(),
    }
