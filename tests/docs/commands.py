"""The shell commands of README and documentation, as a user would copy them."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md")))
BLOCK = re.compile(r"^```bash\n(.*?)^```", re.MULTILINE | re.DOTALL)
COMMENT = re.compile(r"(^|\s)#.*$")
VARIABLE = re.compile(r"[A-Z_]+=.*")


@dataclass(frozen=True)
class Command:
    """A line of a shell block: the page it is on, and its words without variables before them."""

    page: str
    words: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.page}: {shlex.join(self.words)}"


def commands_of(page: Path) -> list[Command]:
    """All commands in the shell blocks of a page."""
    found = []
    for block in BLOCK.findall(page.read_text()):
        for line in block.replace("\\\n", " ").splitlines():
            for part in re.split(r";|&&", COMMENT.sub("", line)):
                words = shlex.split(part)
                while words and VARIABLE.fullmatch(words[0]):
                    words.pop(0)
                if words:
                    found.append(Command(page.name, tuple(words)))
    return found


COMMANDS = [command for page in PAGES for command in commands_of(page)]
