"""How the report is fed: a consumer group of its own, so that it can lag or fail without the ledger."""

from pathlib import Path

from services.audit.report.events import GROUP, READ
from services.audit.report.projection import REPORT_FILE, Projection
from services.chassis.service import Service


def report_on(service: Service, state_dir: Path) -> Projection:
    """Lets a service keep the projection of the transparency report.

    Args:
        service: reads the streams; its end closes the projection.
        state_dir: where the projection's file lies.
    """
    projection = Projection(state_dir / REPORT_FILE)
    wiring = service.onlooker(GROUP)
    for event_type, model in READ.items():
        wiring.sink(event_type, model, lambda arrivals: projection.keep([each.event for each in arrivals]))
    service.afterwards(projection.close)
    return projection
