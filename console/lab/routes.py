"""The addresses of the page."""

import asyncio
import json
from collections import OrderedDict
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from secrets import token_hex
from time import time
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Request
from fastapi.responses import FileResponse, HTMLResponse, StreamingResponse
from starlette.background import BackgroundTask

from console.house import House
from console.lab import cards, sliders
from console.lab.lab import Lab
from console.lab.own import OwnPolicies, check_text, details_of
from console.lab.state import FEWEST_BOOKINGS, MOST_BOOKINGS, State, as_job, command_of, state_of
from console.pages import LAB, show
from console.sources import simulated
from sandbox.lab.assumptions import COSTS_A_DAY, COUNSEL, HEARINGS, REARRESTS, Assumption
from sandbox.policies.files import catalogue
from services.chassis.errors import InteropError
from services.chassis.policy import Policy, Vocabulary
from services.chassis.policy.folder import unknown_policy
from services.chassis.policy.mistakes import did_you_mean

TEMPLATE = "lab.html.j2"
MOST_VIEWS = 24
"""Comparisons that are shown again at once."""

LONGEST_DOWNLOAD_SECONDS = 600.0
"""A file that nobody has fetched by then is not fetched any more."""

DOWNLOADS = {
    "html": ("text/html", "html"),
    "json": ("application/json", "json"),
    "parquet": ("application/vnd.apache.parquet", "parquet"),
}
Kind = Literal["html", "json", "parquet"]

PRESETS: tuple[tuple[str, str, Mapping[str, Assumption]], ...] = (
    ("cost_a_day", "What a held day costs, in dollars", COSTS_A_DAY),
    ("rearrests", "Re-arrests a year among the released", REARRESTS),
    ("rearrest_years", "For how many years these are counted", {}),
    ("hearings", "Share of those handed over who have a hearing", HEARINGS),
    ("counsel", "Share of those handed over who have a lawyer", COUNSEL),
    ("at_large", "Share of those released, for whom ICE would have come, whom it then seeks elsewhere (at large)", {}),
)


@dataclass(frozen=True, slots=True)
class Shelf:
    """The policies there are to choose from."""

    vocabulary: Vocabulary
    catalogue: Mapping[str, Policy]
    own: Mapping[str, Policy]
    paths: Mapping[str, str]

    def chosen(self, state: State) -> list[Policy]:
        """The policies of a state.

        Raises:
            InteropError: `unknown-policy`, with a suggestion.
        """
        known = {**self.catalogue, **self.own}
        for policy in state.policies:
            if policy not in known:
                raise unknown_policy(policy, known)
        return [known[policy] for policy in state.policies]

    def path_of(self, state: State) -> dict[str, str]:
        """Where the files are of the state's policies that are one's own."""
        return {policy: self.paths[policy] for policy in state.policies if policy in self.own}


class LabPage:
    """What the addresses of the page have in common."""

    def __init__(self, house: House) -> None:
        self.lab = Lab()
        self.own = OwnPolicies(house.settings.own_policies)
        self.downloads = house.settings.state_dir / "downloads"
        sweep(self.downloads)
        self._folder = catalogue()
        self._views: OrderedDict[str, dict[str, Any]] = OrderedDict()
        self._checking = asyncio.Semaphore(1)
        house.closing.push_async_callback(self.lab.close)

    async def shelf(self) -> Shelf:
        """The policies as their files are now."""
        return await asyncio.to_thread(self._read_shelf)

    def _read_shelf(self) -> Shelf:
        known, vocabulary = self._folder.policies, self._folder.vocabulary
        return Shelf(vocabulary, known, self.own.policies(vocabulary, known), self.own.paths())

    async def state(self, request: Request) -> tuple[State, dict[str, Any]]:
        """What the address asks for, and the scenario of it.

        Raises:
            InteropError: `unknown-scenario` or `bad-address`.
        """
        state = state_of(request.query_params.multi_items())
        known = {each["scenario"]: each for each in await self.lab.scenarios()}
        if state.scenario not in known:
            sentence = f"no scenario '{state.scenario}'.{did_you_mean(state.scenario, known)} There are: "
            raise InteropError("unknown-scenario", sentence + ", ".join(known), status=404)
        scenario = known[state.scenario]
        # A scenario without explanations has none to name; one with several begins with its first.
        named = state.explanation if scenario["explanations"] else None
        state = replace(state, explanation=named)
        return state.with_levers_changed(sliders.standing_of(state, scenario)), scenario

    async def context(self, state: State, scenario: dict[str, Any], shelf: Shelf) -> dict[str, Any]:
        """What the template shows."""
        try:
            view, failure = self._views.get(_key(state, shelf)), None
        except InteropError as error:
            view, failure = None, error
        command = command_of(state, shelf.path_of(state))
        return {
            "state": state,
            "scenario": scenario,
            "scenarios": await self.lab.scenarios(),
            "groups": cards.grouped(shelf.catalogue, shelf.own),
            "total": len(shelf.catalogue) + len(shelf.own),
            "sliders": sliders.sliders_of(state, scenario),
            "slider_groups": sliders.GROUPS,
            "presets": PRESETS,
            "fewest": FEWEST_BOOKINGS,
            "most": MOST_BOOKINGS,
            "view": view,
            "failure": failure,
            "command": command,
            "address": state.address(),
            "source": simulated("Counted in this comparison, among invented people.", command),
        }

    async def messages(self, state: State, shelf: Shelf) -> AsyncIterator[Mapping[str, Any]]:
        """How the comparison goes on, until it is among the views.

        Raises:
            InteropError: what is wrong with it.
        """
        key = _key(state, shelf)
        if key not in self._views:
            async for said in self.lab.run({"kind": "view", "state": as_job(state, shelf.path_of(state))}):
                if "done" in said:
                    self._keep(key, said["done"])
                else:
                    yield said

    async def check(self, text: str) -> dict[str, Any]:
        """What is wrong with a text. One at a time: each takes a processor."""
        shelf = await self.shelf()
        async with self._checking:
            policy, mistakes = await asyncio.to_thread(check_text, text, shelf.vocabulary, shelf.catalogue)
        return {
            "id": None if policy is None else policy.id,
            "is_own": policy is not None and policy.id in shelf.own,
            "findings": [
                {"line": each.line, "column": each.column, "severity": each.severity, "sentence": each.sentence}
                for each in mistakes
            ],
        }

    async def text(self, identity: str) -> dict[str, Any]:
        """The text of a policy: one's own, or one of the catalogue.

        Raises:
            InteropError: `unknown-policy`.
        """
        shelf = await self.shelf()
        if identity in shelf.catalogue:
            return {**details_of(shelf.catalogue[identity]), "own": False}
        return {"id": identity, "text": await asyncio.to_thread(self.own.text, identity), "own": True}

    async def save(self, text: str, *, instead: bool) -> dict[str, str]:
        """Saves a policy of one's own.

        Raises:
            InteropError: as `OwnPolicies.save` does.
        """
        shelf = await self.shelf()
        saved = await asyncio.to_thread(self.own.save, text, shelf.vocabulary, shelf.catalogue, instead=instead)
        return {"id": saved.id, "title": saved.title}

    async def download(self, kind: Kind, state: State, shelf: Shelf) -> Path:
        """A comparison as a file.

        Raises:
            InteropError: what is wrong with it.
        """
        shelf.chosen(state)
        self.downloads.mkdir(parents=True, exist_ok=True)
        sweep(self.downloads)
        path = self.downloads / f"{token_hex(8)}.{kind}"
        job = {"kind": kind, "path": str(path.absolute()), "state": as_job(state, shelf.path_of(state))}
        await self.lab.result(job)
        return path

    def _keep(self, key: str, view: dict[str, Any]) -> None:
        self._views[key] = view
        while len(self._views) > MOST_VIEWS:
            self._views.popitem(last=False)


def sweep(downloads: Path) -> None:
    """Removes what was never fetched to its end, because somebody left or the console was killed."""
    for path in downloads.glob("*"):
        with suppress(OSError):
            if time() - path.stat().st_mtime > LONGEST_DOWNLOAD_SECONDS:
                path.unlink()


def routes(house: House) -> APIRouter:
    """The page and what its scripts ask for."""
    router = APIRouter()
    here = LabPage(house)

    async def shown(request: Request) -> HTMLResponse:
        state, scenario = await here.state(request)
        context = await here.context(state, scenario, await here.shelf())
        return await asyncio.to_thread(show, request, LAB, TEMPLATE, context)

    @router.get(LAB.path)
    async def page(request: Request) -> HTMLResponse:
        return await shown(request)

    @router.get("/lab/now")
    async def computed(request: Request) -> HTMLResponse:
        """The page with its comparison in it, for those who run no scripts."""
        state, _ = await here.state(request)
        async for _ in here.messages(state, await here.shelf()):
            pass
        return await shown(request)

    @router.get("/lab/compare")
    async def compare(request: Request) -> StreamingResponse:
        """How a comparison goes on, as lines of JSON; the last one has the result as the page shows it."""
        return StreamingResponse(_told(here, request), media_type="application/x-ndjson")

    @router.post("/lab/check")
    async def check(text: Annotated[str, Body(embed=True)]) -> dict[str, Any]:
        return await here.check(text)

    @router.get("/lab/policies/{identity}")
    async def text(identity: str) -> dict[str, Any]:
        return await here.text(identity)

    @router.post("/lab/policies")
    async def save(
        text: Annotated[str, Body(embed=True)], instead: Annotated[bool, Body(embed=True)] = False
    ) -> dict[str, str]:
        return await here.save(text, instead=instead)

    @router.delete("/lab/policies/{identity}", status_code=204)
    async def delete(identity: str) -> None:
        await asyncio.to_thread(here.own.delete, identity)

    @router.get("/lab/download/{kind}")
    async def download(kind: Kind, request: Request) -> FileResponse:
        state, _ = await here.state(request)
        path = await here.download(kind, state, await here.shelf())
        media, ending = DOWNLOADS[kind]
        return FileResponse(
            path,
            media_type=media,
            filename=f"comparison-{state.scenario}-{state.seed}.{ending}",
            background=BackgroundTask(path.unlink, missing_ok=True),
        )

    return router


async def _told(here: LabPage, request: Request) -> AsyncIterator[str]:
    try:
        state, scenario = await here.state(request)
        shelf = await here.shelf()
        async for said in here.messages(state, shelf):
            yield _line(said)
        context = await here.context(state, scenario, shelf)
        drawn = await asyncio.to_thread(show, request, LAB, TEMPLATE, context)
        yield _line({"html": bytes(drawn.body).decode()})
    except InteropError as error:
        yield _line({"error": f"{error.code}: {error.sentence}"})


def _line(message: Mapping[str, Any]) -> str:
    return json.dumps(message) + "\n"


def _key(state: State, shelf: Shelf) -> str:
    """What a comparison is found again by: a text that was edited makes it another.

    Raises:
        InteropError: `unknown-policy`.
    """
    texts = " ".join(policy.sha256 for policy in shelf.chosen(state))
    return sha256(f"{state.address()} {texts}".encode()).hexdigest()
