"""Every command that the README and the lessons show prints what they show, allowing for numbers that vary."""

from pathlib import Path

import pytest

from tests.e2e.readme import LESSONS, README, Block, abridged, blocks, prints, shape, tidy, workplace


@pytest.mark.timeout(900)  # it is what a stranger does in their first quarter of an hour, in turn
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
        (["root 9f+/="], ["root …"], True),
        (["root 9f+/=, old"], ["root …, old"], True),
        (["root"], ["root …"], False),
        (["root 9f and more"], ["root …"], False),
        (["2009-05-13T…"], ["2009-05-13T…"], True),
    ],
)
def test_dots_stand_for_lines_and_an_ellipsis_for_what_varies_in_one(
    output: list[str], shown: list[str], same: bool
) -> None:
    assert prints(output, shown) is same


def test_a_file_that_is_written_may_have_empty_lines() -> None:
    (block,) = blocks("```console\n$ cat <<'END'\n> a\n>\n> b\n> END\na\n\nb\n```")

    assert block == Block(("cat <<'END'", "a", "", "b", "END"), "a\n\nb")


def test_a_line_that_still_fits_keeps_its_ellipsis_when_what_is_shown_is_written_anew() -> None:
    assert abridged("root 9f\n2 entries\nend", "root …\n1 entries\n…") == "root …\n2 entries\n…"
    assert abridged("a\nb\nc", "a\n...\nc") == "a\n...\nc"


def test_a_block_tells_its_commands_from_what_they_print() -> None:
    (block,) = blocks("```console\n$ interop --help\n\n Usage: interop\n```")

    assert block == Block(("interop --help",), " Usage: interop")
