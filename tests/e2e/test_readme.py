"""Every command that the README shows prints what the README shows, allowing for numbers that vary."""

from pathlib import Path

from tests.e2e.readme import README, blocks, shape, workplace


def test_every_command_of_the_readme_prints_what_is_shown(tmp_path: Path) -> None:
    place = workplace(tmp_path)
    shown = list(blocks(README.read_text(encoding="utf-8")))

    assert len(shown) >= 4

    for block in shown:
        assert shape(block.run(place)) == shape(block.shown), block.commands
