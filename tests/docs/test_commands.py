"""Commands in the documentation are those that the command line has."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from fer_zoo.cli import app

ROOT = Path(__file__).parents[2]
PAGES = sorted([*(ROOT / "docs").glob("*.md"), ROOT / "README.md"])

BLOCK = re.compile(r"^ *```(\w*)[^\n]*\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
SHELLS = {"shell", "bash"}
INLINE = re.compile(r"`(fer-zoo [^`]+)`")  # in the text and in the cells of tables
START = re.compile(r"(?:^|\s)(?:fer-zoo|fer_zoo\.cli) ")  # also where torchrun runs the module


def read_commands(text: str) -> list[list[str]]:
    """Return the words after every ``fer-zoo`` in blocks of a shell and in inline code, up to a comment or the next."""
    blocks = "".join(block for language, block in BLOCK.findall(text) if language in SHELLS)
    inline = [" ".join(code.split()) for code in INLINE.findall(BLOCK.sub("", text))]
    lines = blocks.replace("\\\n", " ").splitlines() + inline
    calls = [part for line in lines for part in START.split(line)[1:]]
    return [re.split(r"\s#|[|&;)]", call)[0].split() for call in calls]


def find_unknown(arguments: list[str]) -> list[str]:
    """Return the commands and options of a call that do not exist."""
    command: Any = get_command(app)
    rest = list(arguments)
    while getattr(command, "commands", None) and rest and not rest[0].startswith("-"):
        name = rest.pop(0)
        if name not in command.commands:
            return [] if name == "COMMAND" else [name]  # as in "fer-zoo COMMAND --help"
        command = command.commands[name]
    known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    return [word for word in rest if word.startswith("--") and word not in known | {"--help"}]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_and_options_of_a_page_exist(page: Path) -> None:
    """Nothing that a reader types is refused as unknown."""
    calls = read_commands(page.read_text(encoding="utf-8"))

    assert {" ".join(call): unknown for call in calls if (unknown := find_unknown(call))} == {}


def test_an_option_that_does_not_exist_is_found() -> None:
    """The check sees commands after others, options over several lines, and names that are gone."""
    first, second = (
        "X=1 fer-zoo predict a.jpg --jsn | fer-zoo lost\n",
        "torchrun -m fer_zoo.cli train \\\n  --outptu b\n",
    )
    text = f"```shell\n{first}{second}```\n"

    assert [find_unknown(call) for call in read_commands(text)] == [["--jsn"], ["lost"], ["--outptu"]]


def test_commands_in_the_text_are_found() -> None:
    """In a sentence, over the end of a line, in the cell of a table and in a block of bash; not in other blocks."""
    text = (
        "Run `fer-zoo lost a.jpg` or `fer-zoo predict\n--jsn`.\n\n| A | `fer-zoo video --a` |\n\n"
        "```bash\nfer-zoo gone\n```\n\n```text\nfer-zoo printed `fer-zoo so`\n```\n"
    )

    assert [find_unknown(call) for call in read_commands(text)] == [["gone"], ["lost"], ["--jsn"], ["--a"]]
