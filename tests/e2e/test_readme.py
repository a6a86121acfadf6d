"""Every command that the README and the lessons show prints what they show, allowing for numbers that vary."""

from pathlib import Path

import pytest

from tests.e2e.readme import LESSONS, README, Block, blocks, prints, shape, tidy, workplace


def test_every_command_of_the_readme_prints_what_is_shown(tmp_path: Path) -> None:
    place = workplace(tmp_path)
    shown = list(blocks(README.read_text(encoding="utf-8")))

    assert len(shown) >= 4

    for block in shown:
        assert prints(shape(block.run(place)), shape(block.shown)), block.commands


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)
def test_every_command_of_a_lesson_prints_exactly_what_is_shown(lesson: Path, tmp_path: Path) -> None:
    place = workplace(tmp_path)
    shown = list(blocks(lesson.read_text(encoding="utf-8")))

    assert shown

    for block in shown:
        assert prints(block.run(place).splitlines(), tidy(block.shown).splitlines()), block.commands


@pytest.mark.parametrize(
    ("output", "shown", "same"),
    [
        (["a", "b", "c"], ["a", "b", "c"], True),
        (["a", "b", "c"], ["a", "...", "c"], True),
        (["a", "c"], ["a", "...", "c"], True),
        (["a", "b", "d"], ["a", "...", "c"], False),
        (["b", "c"], ["a", "...", "c"], False),
    ],
)
def test_dots_stand_for_any_number_of_lines(output: list[str], shown: list[str], same: bool) -> None:
    assert prints(output, shown) is same


def test_a_block_tells_its_commands_from_what_they_print() -> None:
    (block,) = blocks("```console\n$ interop --help\n\n Usage: interop\n```")

    assert block == Block(("interop --help",), " Usage: interop")
