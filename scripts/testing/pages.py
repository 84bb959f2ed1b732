"""Reads the pages of the documentation: sections, fenced blocks, and commands with their output."""

import fnmatch
import re
from dataclasses import dataclass, field


@dataclass
class Block:
    line: int  # of its first line in the page
    language: str
    name: str | None  # of the file that it is, if the line above the block is "`NAME`:"
    text: str

    def commands(self):
        """(line number, command, expected output) of each line that begins with a "$"."""
        for part in re.finditer(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", self.text, re.M):
            yield self.line + self.text[: part.start()].count("\n"), part.group(1), part.group(2)


@dataclass
class Section:
    title: str
    blocks: list = field(default_factory=list)


def sections(page):
    """The sections of a page with their fenced blocks; the part above the first heading of level 2 is one, too."""
    found, block, name = [Section("")], None, None
    for number, line in enumerate(page.splitlines(keepends=True), 1):
        if line.startswith("```") and block is None:
            block, name = Block(number + 1, line[3:].strip(), name, ""), None
        elif line.startswith("```"):
            found[-1].blocks.append(block)
            block = None
        elif block is not None:
            block.text += line
        elif line.startswith("## "):
            found.append(Section(line[3:].strip()))
        elif line.strip():
            named = re.fullmatch(r"`([^`]+)`:\n", line)
            name = named and named.group(1)
    return found


def commands(page):
    """(line number, command, expected output) of each command in the page's console blocks."""
    for section in sections(page):
        for block in section.blocks:
            if block.language == "console":
                yield from block.commands()


def same(got, expected):
    """True if all lines are equal; "..." stands for anything."""
    pattern = re.sub(r"([\[\]*?])", r"[\1]", expected).replace("...", "*").splitlines()
    lines = got.splitlines()
    return len(lines) == len(pattern) and all(map(fnmatch.fnmatchcase, lines, pattern))
