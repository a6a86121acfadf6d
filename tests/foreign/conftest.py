"""The foreign verifiers, where their toolchains are, and an export to show them.

- `go`: `go(folder, [proof, entry]...)` runs `go/verify.go`, compiled once.
- `js`: the same for `js/verify.mjs`.
- `verify`: a test that asks for it runs once with each of the two.
- `export`: once for each of `makers.MAKERS`; not to be changed.
"""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.foreign.export import Export
from tests.foreign.makers import MAKERS

HERE = Path(__file__).parent
GOPATH = Path("/usr/share/gocode")  # where Debian's packages put their sources
SIGSTORE = HERE / "js" / "node_modules" / "@sigstore" / "verify"

ENTRIES = 70_000
"""Enough for full and partial tiles on two levels, and a third level."""

Verify = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def go(tmp_path_factory: pytest.TempPathFactory) -> Verify:
    if shutil.which("go") is None:
        pytest.skip("go is not installed")
    if not (GOPATH / "src/golang.org/x/mod/sumdb/tlog").is_dir():
        pytest.skip("golang-golang-x-mod-dev is not installed")
    folder = tmp_path_factory.mktemp("go")
    program = folder / "verify"
    settings = {"GO111MODULE": "off", "GOPATH": str(GOPATH), "GOCACHE": str(folder / "cache"), "GOFLAGS": ""}
    command = ["go", "build", "-o", str(program), str(HERE / "go" / "verify.go")]
    subprocess.run(command, env={**os.environ, **settings}, check=True, timeout=240)
    return lambda *arguments: _run(program, *arguments)


@pytest.fixture(scope="session")
def js() -> Verify:
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    if not SIGSTORE.is_dir():
        pytest.skip("npm ci has not been run in tests/foreign/js")
    return lambda *arguments: _run(node, HERE / "js" / "verify.mjs", *arguments)


def _run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


@pytest.fixture(params=["go", "js"])
def verify(request: pytest.FixtureRequest) -> Verify:
    verifier: Verify = request.getfixturevalue(request.param)
    return verifier


@pytest.fixture(scope="session", params=MAKERS, ids=lambda make: make.__module__)
def export(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Export:
    made: Export = request.param(tmp_path_factory.mktemp("export"), ENTRIES)
    return made
