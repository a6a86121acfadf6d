"""A run is told to be reconciled when audit has compared the log as the run has left it, and not before."""

from collections.abc import Callable
from typing import Any

import pytest
from redis import Redis

from sandbox import drive
from services.chassis.errors import InteropError

Wait = Callable[..., dict[str, Any]]


def readiness(logged: int, compared: int, *, lag: int = 0, reconciled: bool = True) -> dict[str, Any]:
    return {
        "log": {"size": logged, "published": logged},
        "reconciliation": {"size": compared, "lag": lag, "reconciled": reconciled},
    }


@pytest.fixture
def wait(monkeypatch: pytest.MonkeyPatch) -> Wait:
    """Waits for an audit that is through the streams, and tells these things one after the other."""

    def waited(*answers: dict[str, Any] | None) -> dict[str, Any]:
        left = list(answers)
        monkeypatch.setattr(drive, "_audit_is_through", lambda _: True)
        monkeypatch.setattr(drive, "_readiness", lambda _: left.pop(0) if len(left) > 1 else left[0])
        with Redis() as nowhere:
            return drive.wait_for_audit(nowhere, "http://127.0.0.1:1", patience=0.5)

    return waited


def test_a_comparison_of_the_log_as_it_is_ends_the_wait(wait: Wait) -> None:
    assert wait(None, readiness(9, 9))["reconciliation"]["reconciled"] is True


def test_a_comparison_of_the_log_as_it_was_does_not(wait: Wait) -> None:
    assert wait(readiness(9, 5), readiness(9, 9))["reconciliation"]["size"] == 9


def test_a_comparison_that_never_comes_is_an_audit_that_is_behind(wait: Wait) -> None:
    with pytest.raises(InteropError, match="audit has not caught up"):
        wait(readiness(9, 5))


def test_what_does_not_fit_is_told_and_not_waited_for(wait: Wait) -> None:
    assert wait(readiness(9, 9, lag=2, reconciled=False))["reconciliation"]["reconciled"] is False
