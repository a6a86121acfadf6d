"""The commands of the README with the output that is shown under them.

A block that begins with ```console holds commands (lines with `$ `, or `> ` where one goes on), and under the last
of them what it prints; a line of three dots stands for any number of lines, and `…` for a hash, a time or a place in
the log, which differ from run to run. Every block is run, in their order; `python -m tests.e2e.readme` writes what they
print now into the README and the lessons, and leaves a line with a `…` as it is while it fits.
"""

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
LESSONS = sorted((ROOT / "docs" / "lessons").glob("*.md"))
DOTS = "..."
VARIES = "…"
PROMPTS = ("$ ", "> ")
BLOCK = re.compile(r"```console\n(.*?)```", re.DOTALL)
NEEDED = (".venv", "Makefile", "pyproject.toml", "requirements")
WIDTH = "100"


@dataclass(frozen=True)
class Block:
    """One block: its commands, and the output that is shown."""

    commands: tuple[str, ...]
    shown: str

    def run(self, folder: Path) -> str:
        """What the commands print on stdout, run in `folder`."""
        # As in a fresh terminal: what this process was started with (by make, say) must not show.
        foreign = ("INTEROP_", "COV", "MAKE", "MFLAGS")
        environment = {key: value for key, value in os.environ.items() if not key.startswith(foreign)}
        script = "\n".join(self.commands)
        done = subprocess.run(
            ["bash", "-eu", "-o", "pipefail", "-c", script],
            cwd=folder,
            env={**environment, "COLUMNS": WIDTH},
            capture_output=True,
            text=True,
            timeout=280,
            check=False,
        )
        assert done.returncode == 0, f"{script} failed:\n{done.stderr}"
        return tidy(done.stdout)


def blocks(text: str) -> Iterator[Block]:
    """The console blocks of a README."""
    for match in BLOCK.finditer(text):
        lines = match.group(1).splitlines()
        commands = tuple(line[len(PROMPTS[0]) :] for line in lines if is_command(line))
        shown = "\n".join(line for line in lines if not is_command(line))
        yield Block(commands, shown.strip("\n"))


def is_command(line: str) -> bool:
    """Whether a line is a command, or goes on with one; `>` alone is an empty line of a file that one writes."""
    return line.startswith(PROMPTS) or line == PROMPTS[1].rstrip()


def tidy(output: str) -> str:
    """Output without the spaces that nobody sees."""
    return "\n".join(line.rstrip() for line in output.splitlines()).strip("\n")


def shape(output: str) -> list[str]:
    """Output with every number blotted out, and the room that numbers take: what must not vary."""
    lines = (re.sub(r"\d[\d,.:]*", "#", line) for line in output.splitlines())
    return [" ".join(line.split()) for line in lines if line.strip()]


def prints(output: Sequence[str], shown: Sequence[str]) -> bool:
    """Whether output is what is shown, where a line of dots may stand for any number of lines."""
    if DOTS not in shown:
        return len(output) == len(shown) and all(map(fits, output, shown))
    dots = list(shown).index(DOTS)
    if not prints(output[:dots], shown[:dots]):
        return False
    return any(prints(output[start:], shown[dots + 1 :]) for start in range(dots, len(output) + 1))


def fits(line: str, shown: str) -> bool:
    """Whether a line is what is shown, where `…` stands for one or more characters that are no space."""
    return re.fullmatch(r"\S+".join(map(re.escape, shown.split(VARIES))), line) is not None


def abridged(output: str, shown: str) -> str:
    """Output cut as what is shown is cut: as many lines before the dots, and as many after them."""
    lines, marks = output.splitlines(), shown.splitlines()
    if DOTS in marks:
        before, after = marks.index(DOTS), len(marks) - 1 - marks.index(DOTS)
        lines = [*lines[:before], DOTS, *lines[len(lines) - after :]]
    kept = [mark if VARIES in mark and fits(line, mark) else line for line, mark in zip(lines, marks, strict=False)]
    return "\n".join([*kept, *lines[len(kept) :]])


def workplace(folder: Path) -> Path:
    """A folder in which the commands find what they need, and leave what they leave.

    The environment is made ready here first: from there it would be made for a place that is gone tomorrow.
    """
    subprocess.run(["make", "--silent", "setup"], cwd=ROOT, check=True)
    for name in NEEDED:
        (folder / name).symlink_to(ROOT / name)
    return folder


def write(document: Path) -> None:
    """Writes what the commands print now into a document."""
    with tempfile.TemporaryDirectory() as folder:
        place = workplace(Path(folder))

        def printed(match: re.Match[str]) -> str:
            (block,) = blocks(match.group(0))
            head = "".join(f"{line}\n" for line in match.group(1).splitlines() if is_command(line))
            body = abridged(block.run(place), block.shown)
            return f"```console\n{head}{body}{chr(10) if body else ''}```"

        document.write_text(BLOCK.sub(printed, document.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    for name in sys.argv[1:] or [README, *LESSONS]:
        write(Path(name))
