"""The addresses of the page."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, ConfigDict
from starlette.datastructures import QueryParams

from console.house import House
from console.matrix.case import PRESETS, SKIPS, USUAL, TheCase, case_of, entries, in_words, tells_a_case
from console.matrix.layers import USUAL_DAY, USUAL_PLACE, law_of, places_of
from console.matrix.view import (
    BY_KIND,
    SORTS,
    custodian_of,
    detail_of,
    grouped,
    lever_named,
    matrix_command,
    rows_of,
    sums_of,
)
from console.matrix.words import ANSWERS, KINDS, LEVERS, STAGES
from console.pages import MATRIX, show
from console.tables import decision_tables, detainer_policies
from sandbox.policies.files import catalogue
from services.chassis.errors import InteropError
from services.chassis.policy import Policy

FIRST_LAW, FIRST_LEVER = "us-ca-trust-act-2014", "hold"
"""The answer that is shown where the address names none."""


class Question(BaseModel):
    """What the service is to be asked: one law about one case."""

    model_config = ConfigDict(extra="forbid")

    policy: str
    facts: dict[str, str | int | bool]


def routes(house: House) -> APIRouter:
    """The page and what its scripts ask for."""
    router = APIRouter()
    folder = catalogue()

    # No coroutines: these two compute, and the event loop is not theirs.
    @router.get(MATRIX.path)
    def page(request: Request) -> HTMLResponse:
        vocabulary = folder.vocabulary
        policies = detainer_policies(folder.policies.values())
        query = request.query_params
        if not tells_a_case(query.multi_items(), vocabulary):
            query = QueryParams([*QueryParams(USUAL).multi_items(), *query.multi_items()])
        case = case_of(query.multi_items(), vocabulary)
        sort = query.get("sort", BY_KIND)
        rows = rows_of(policies, case.facts, sort)
        chosen = _the_law(query.get("law", FIRST_LAW), policies)
        lever = lever_named(query.get("lever", FIRST_LEVER))
        return show(
            request,
            MATRIX,
            "matrix.html.j2",
            {
                "case": case,
                "told": in_words(case, vocabulary),
                "groups": entries(policies, vocabulary),
                "presets": PRESETS,
                "skips_name": SKIPS,
                "stages": STAGES,
                "levers": LEVERS,
                "answers": ANSWERS,
                "sorts": SORTS,
                "sort": sort,
                "find": query.get("find", ""),
                "rows": grouped(rows, sort),
                "laws_count": len(rows),
                "sums": sums_of(rows),
                "custodian": custodian_of(case.facts, vocabulary),
                "detail": detail_of(chosen, lever, case),
                "matrix_command": matrix_command(case.facts),
                "address": _address_of(case, query),
                "places": places_of(policies),
                "law": law_of(
                    policies,
                    vocabulary,
                    query.get("place", USUAL_PLACE),
                    query.get("on", USUAL_DAY),
                    case.facts,
                ),
                "script": {
                    "stages": [
                        {"words": stage.words, "fact": stage.fact, "meaning": stage.meaning} for stage in STAGES
                    ],
                    "levers": {each.name: {"binds": each.binds, "stages": list(each.stages)} for each in LEVERS},
                    "answers": {name: [sign, word] for name, (sign, word, _) in ANSWERS.items()},
                    "kinds": KINDS,
                    "usual": {"place": USUAL_PLACE, "on": USUAL_DAY},
                },
            },
        )

    @router.get(f"{MATRIX.path}/tables.json")
    def tables() -> dict[str, Any]:
        return decision_tables(folder.policies.values(), folder.vocabulary)

    @router.post(f"{MATRIX.path}/ask")
    async def ask(question: Question) -> Any:
        return await house.post("detainer", "/decide", json=question.model_dump())

    return router


def _the_law(identity: str, policies: Sequence[Policy]) -> Policy:
    for policy in policies:
        if policy.id == identity:
            return policy
    sentence = f"no law '{identity}' is about detainers; choose one in the table of {MATRIX.path}"
    raise InteropError("unknown-policy", sentence, status=404)


def _address_of(case: TheCase, query: QueryParams) -> str:
    """The address of this case as the page shows it, to which a law and a lever can be added."""
    shown = [(name, query[name]) for name in ("sort", "find", "place", "on") if query.get(name)]
    return f"{MATRIX.path}?{urlencode([*case.query(), *shown])}"
