"""The password of Redis may stand in a file of its own, as containers like it."""

from pathlib import Path

import pytest
from pydantic import SecretStr
from redis import Redis

from sandbox.house import open_house
from services.chassis.errors import InteropError
from services.chassis.service import Service, main
from services.chassis.settings import ServiceSettings, with_password


def written(folder: Path, text: str) -> Path:
    file = folder / "password"
    file.write_text(text, encoding="utf-8")
    return file


def test_without_a_file_the_address_is_used_as_it_is() -> None:
    settings = ServiceSettings(redis_url=SecretStr("redis://user:word@redis:6379/0"))

    assert settings.redis_address() == "redis://user:word@redis:6379/0"


@pytest.mark.parametrize(
    ("url", "whole"),
    [
        ("redis://detainer@redis:6379/0", "redis://detainer:open%20sesame@redis:6379/0"),
        ("redis://redis:6379", "redis://:open%20sesame@redis:6379"),
        ("rediss://a%40b:old@[::1]:6379/2?x=y", "rediss://a%40b:open%20sesame@[::1]:6379/2?x=y"),
    ],
)
def test_the_password_in_the_file_completes_the_address(tmp_path: Path, url: str, whole: str) -> None:
    settings = ServiceSettings(redis_url=SecretStr(url), redis_password_file=written(tmp_path, "open sesame\n"))

    assert settings.redis_address() == whole
    assert "sesame" not in repr(settings)


def test_whatever_stands_in_the_file_arrives_at_the_client_as_it_is(tmp_path: Path) -> None:
    password = "a/b:c@d#e?f%20 ü"
    url = with_password("redis://user@redis:6379/0", written(tmp_path, password))

    with Redis.from_url(url) as client:
        options = client.connection_pool.connection_kwargs
        assert (options["username"], options["password"]) == ("user", password)


def test_the_sandbox_reads_the_file_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INTEROP_BOOKING_URL", "http://booking:8000")
    monkeypatch.setenv("INTEROP_AUDIT_URL", "http://audit:8000")
    monkeypatch.setenv("REDIS_URL", "redis://sandbox@redis:6379/0")
    monkeypatch.setenv("INTEROP_REDIS_PASSWORD_FILE", str(written(tmp_path, "sesame\n")))

    with open_house() as house, house.redis as client:
        options = client.connection_pool.connection_kwargs
        assert (options["username"], options["password"]) == ("sandbox", "sesame")


@pytest.mark.parametrize(("text", "why"), [(None, "No such file or directory"), (" \n", "is empty")])
def test_a_file_without_a_password_is_refused_in_one_sentence(tmp_path: Path, text: str | None, why: str) -> None:
    file = tmp_path / "password" if text is None else written(tmp_path, text)

    with pytest.raises(InteropError, match=why) as caught:
        with_password("redis://redis:6379", file)

    assert caught.value.code == "no-password"
    assert str(file) in caught.value.sentence


def test_a_service_that_has_no_password_says_so_and_ends(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = ServiceSettings(redis_password_file=tmp_path / "nowhere")

    with pytest.raises(SystemExit) as ended:
        main(lambda: Service("detainer", "", settings))

    assert ended.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("no-password: INTEROP_REDIS_PASSWORD_FILE: ")
