"""Private keys as files: made once, read by their owner alone, never replaced."""

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from services.audit.keys import secret, signer
from services.audit.tlog.notes import Algorithm
from services.chassis.errors import InteropError
from tests.unit.tlogs import code


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys" / "audit.key"


def test_a_key_is_made_at_the_first_start_and_found_at_the_second(path: Path) -> None:
    first = signer(path, "sandbox.example/audit", Algorithm.ED25519)

    assert signer(path, "sandbox.example/audit", Algorithm.ED25519).verifier == first.verifier


def test_two_files_hold_two_keys(tmp_path: Path) -> None:
    assert secret(tmp_path / "clinic") != secret(tmp_path / "auditor")


def test_only_the_owner_may_read_a_key(path: Path) -> None:
    secret(path)

    assert oct(path.stat().st_mode)[-3:] == "600"


def test_nothing_but_the_key_is_left_in_the_folder(path: Path) -> None:
    secret(path)

    assert list(path.parent.iterdir()) == [path]


def test_processes_that_start_together_have_one_key(path: Path) -> None:
    with ProcessPoolExecutor(3, mp_context=get_context("spawn")) as processes:
        assert len(set(processes.map(secret, [path] * 6))) == 1


@pytest.mark.parametrize(
    "text", ["", "not base64", "c2hvcnQ=", "é" * 22], ids=["empty", "words", "too short", "no ASCII"]
)
def test_a_file_that_holds_no_key_is_refused_and_kept(path: Path, text: str) -> None:
    path.parent.mkdir()
    path.write_text(text, encoding="utf-8")

    with pytest.raises(InteropError) as caught:
        secret(path)

    assert (code(caught), path.read_text(encoding="utf-8")) == ("bad-key-file", text)


def a_folder_at_its_place(path: Path) -> None:
    path.mkdir(parents=True)


def a_file_where_its_folder_should_be(path: Path) -> None:
    path.parent.write_text("", encoding="utf-8")


@pytest.mark.parametrize("obstacle", [a_folder_at_its_place, a_file_where_its_folder_should_be])
def test_a_key_is_not_made_with(path: Path, obstacle: Callable[[Path], None]) -> None:
    obstacle(path)

    with pytest.raises(InteropError) as caught:
        secret(path)

    assert code(caught) == "bad-key-file"
