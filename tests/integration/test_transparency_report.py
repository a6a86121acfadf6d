"""The report's group on a real Redis: whatever order its streams are read in, and whatever comes twice."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from pydantic_core import to_json
from redis.asyncio import Redis

from services.audit.report.events import GROUP
from services.audit.report.published import published_report
from services.audit.report.wiring import report_on
from services.chassis.delivery import keys
from services.chassis.delivery.stage import Entry
from services.chassis.service import Service, ensure_group
from services.chassis.settings import ServiceSettings
from tests.contract.story import written

pytestmark = pytest.mark.anyio


@pytest.fixture
async def service(redis_url: str, tmp_path: Path) -> AsyncIterator[Service]:
    service = Service("audit", "", ServiceSettings(redis_url=redis_url, state_dir=tmp_path))  # type: ignore[arg-type]
    yield service
    await service.redis.aclose()


async def read_everything(service: Service) -> None:
    """Reads every stream to its end, the last ones of the story first."""
    for stage in reversed(service.stages):
        answer = await service.redis.xreadgroup(GROUP, "worker-1", {stage.stream: ">"})
        await stage.handle([Entry(entry_id, fields) for _, batch in answer for entry_id, fields in batch])


async def put(redis: Redis, times: int) -> None:
    """Publishes the case of Heron-41, so often."""
    for event in [*written().values()] * times:
        await redis.xadd(keys.stream(event["type"]), {"event": to_json(event)})


async def test_each_event_is_counted_once_and_none_is_left_pending(service: Service, tmp_path: Path) -> None:
    projection = report_on(service, tmp_path)
    for stage in service.stages:
        await ensure_group(service.redis, stage.stream, GROUP)
    await put(service.redis, times=2)

    await read_everything(service)
    (case,) = projection.snapshot().cases

    assert None not in (case.booked_at, case.searched_at, case.decided_at, case.transferred_at, case.outcome_at)
    assert sum(row.count for row in projection.snapshot().shared) == disclosing_events()
    assert [await pending(service, stage.stream) for stage in service.stages] == [0] * len(service.stages)
    assert published_report(projection)["run"] == "contract-example-41"
    projection.close()


def disclosing_events() -> int:
    return sum(bool(event["data"]["disclosures"]) for event in written().values())


async def pending(service: Service, stream: str) -> int:
    answer = await service.redis.xpending(stream, GROUP)
    return int(answer["pending"])
