"""The scenario that the page runs: one at a time, for everybody who looks on."""

import asyncio
import json
import logging
from dataclasses import asdict, dataclass
from typing import Any, Literal

from console.workers import Line, Worker, ended
from services.chassis.errors import InteropError

DRIVING = "console.flow.driving"
MOST_BOOKINGS = 20_000
FEWEST, USUAL_BOOKINGS, USUAL_SEED = 1, 500, 2008
LARGEST_SEED = 2**31 - 1

Order = Literal["pause", "resume", "stop"]
ORDERS: tuple[Order, ...] = ("pause", "resume", "stop")

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants to be run.

    Attributes:
        scenario: a scenario's name.
        bookings: how many bookings sample its period, up to `MOST_BOOKINGS`.
        seed: the run's seed.
        policy: the jail's law instead of the scenario's.
        regime: ICE's priorities instead of the scenario's.
    """

    scenario: str
    bookings: int = USUAL_BOOKINGS
    seed: int = USUAL_SEED
    policy: str | None = None
    regime: str | None = None

    @property
    def command(self) -> str:
        """What prints the whole report of the same run."""
        law = "".join(
            f" --{name} {value}" for name, value in (("policy", self.policy), ("regime", self.regime)) if value
        )
        return f"interop run {self.scenario} --bookings {self.bookings} --seed {self.seed}{law}"


class Stage:
    """Where the one scenario runs that the page has started."""

    def __init__(self) -> None:
        self._worker: Worker | None = None
        self._task: asyncio.Task[None] | None = None
        self._wish: Wish | None = None
        self._told: dict[str, Any] = {"status": "none"}
        self._paused = False

    def told(self) -> dict[str, Any]:
        """How far it is, for whoever asks."""
        wish = {"wish": asdict(self._wish), "command": self._wish.command} if self._wish else {}
        return {**self._told, **wish, "paused": self._paused, "busy": self.is_busy}

    @property
    def is_busy(self) -> bool:
        """Whether a run is going on."""
        return self._task is not None and not self._task.done()

    def start(self, wish: Wish) -> None:
        """Begins a run.

        Raises:
            InteropError: `run-under-way`, while another goes on.
        """
        if self.is_busy:
            raise InteropError(
                "run-under-way", "a scenario is running; stop it, or wait until it is through", status=409
            )
        self._wish, self._worker, self._paused = wish, None, False
        self._told = {"status": "starting", "booked": 0, "total": wish.bookings}
        self._task = asyncio.create_task(self._follow(wish))

    def order(self, order: Order) -> None:
        """Has the run wait, go on, or end early and in good order.

        Raises:
            InteropError: `no-run-under-way`.
        """
        if not self.is_busy or self._worker is None:
            raise InteropError("no-run-under-way", "no scenario is running now; start one", status=409)
        self._worker.tell(order)
        self._paused = order == "pause"

    async def close(self) -> None:
        """Ends the process, when the console does."""
        if self._task is not None:
            await ended([self._task])

    async def _follow(self, wish: Wish) -> None:
        try:
            self._worker = await Worker.start(DRIVING, json.dumps(asdict(wish)))
            self._step(await self._worker.result(self._step))
        except InteropError as error:
            log.warning("the scenario has ended: %s", error)
            self._step({"status": "failed", "error": str(error)})
        finally:
            self._paused = False
            if self._worker is not None:
                await self._worker.end()

    def _step(self, said: Line) -> None:
        self._told = self._told | said
