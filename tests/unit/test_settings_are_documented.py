"""docs/settings.md names every setting of every service, with its default."""

import re
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings

from console.settings import ConsoleSettings
from services.audit.settings import AuditSettings
from services.audit.witness.app import WitnessSettings
from services.biometric_match.settings import MatcherSettings
from services.booking.app import BookingSettings
from services.chassis.settings import RedisSettings, ServiceSettings
from services.detainer.policies import DetainerSettings

PAGE = Path(__file__).resolve().parents[2] / "docs" / "settings.md"
ROW = re.compile(r"^\| `(?P<name>(INTEROP|SANDBOX)_[A-Z_]+)` \| (?P<default>\S+) \| (?P<meaning>.+) \|$")

SECTIONS = {
    "Redis": RedisSettings,
    "Every service": ServiceSettings,
    "Booking, besides": BookingSettings,
    "Biometric match, besides": MatcherSettings,
    "Detainer, besides": DetainerSettings,
    "Audit, besides": AuditSettings,
    "Witness": WitnessSettings,
    "Console": ConsoleSettings,
}


def documented(section: str) -> dict[str, str]:
    """The settings of a section of the page, with their defaults."""
    _, _, rest = PAGE.read_text(encoding="utf-8").partition(f"\n## {section}\n")
    rows = [ROW.match(line) for line in rest.partition("\n## ")[0].splitlines()]
    return {row["name"]: row["default"] for row in rows if row is not None}


def declared(settings: type[BaseSettings]) -> dict[str, str]:
    """The settings that a class adds to its parent, with their defaults as the page writes them."""
    inherited = getattr(settings.__base__, "model_fields", {})
    fields = {name: field for name, field in settings.model_fields.items() if name not in inherited}
    return {variable(settings, name): written(field) for name, field in fields.items()}


def variable(settings: type[BaseSettings], name: str) -> str:
    """The environment variable that a setting is read from; an alias stands as it is, without the prefix."""
    alias = settings.model_fields[name].validation_alias
    assert alias is None or isinstance(alias, str), f"{name}: the page says one name for each setting"
    return alias or f"{settings.model_config['env_prefix']}{name}".upper()


def written(field: FieldInfo) -> str:
    if field.default_factory is not None:  # what depends on the machine goes by the name of the function that asks it
        return f"`{field.default_factory.__name__}`"
    default = field.default
    if default in (None, "", ()):
        return "none"
    return f"`{default.get_secret_value() if isinstance(default, SecretStr) else default}`"


@pytest.mark.parametrize(("section", "settings"), SECTIONS.items())
def test_the_page_has_every_setting_with_its_default(section: str, settings: type[BaseSettings]) -> None:
    assert documented(section) == declared(settings)


def test_the_page_knows_every_class_of_settings() -> None:
    def below(settings: type[BaseSettings]) -> set[type[BaseSettings]]:
        return {settings}.union(*(below(child) for child in settings.__subclasses__()))

    house = {settings for settings in below(BaseSettings) if settings.__module__.startswith(("services.", "console."))}
    assert house == set(SECTIONS.values())


@pytest.mark.parametrize("settings", SECTIONS.values())
def test_every_setting_is_read_from_the_variable_that_the_page_names(
    settings: type[BaseSettings], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What means nothing is refused by a number, an address or a switch, and taken by a text or a path."""
    for name, field in settings.model_fields.items():
        monkeypatch.setenv(variable(settings, name), "?")
        try:
            is_read = getattr(settings(), name) != field.default
        except ValidationError:
            is_read = True
        monkeypatch.delenv(variable(settings, name))
        assert is_read, variable(settings, name)


@pytest.mark.parametrize("settings", SECTIONS.values())
def test_every_setting_says_what_it_means(settings: type[BaseSettings]) -> None:
    assert [name for name, field in settings.model_fields.items() if not field.description] == []
