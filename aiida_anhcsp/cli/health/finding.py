"""What a check found."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One line of the doctor's: what was looked at, what it is like, and the fix where something is wrong."""

    what: str
    text: str
    fix: str = ""

    @property
    def is_well(self) -> bool:
        """Whether there is nothing to fix."""
        return not self.fix

    def __str__(self) -> str:
        return f"{'ok   ' if self.is_well else 'WRONG'}  {self.what}: {self.text}" + (
            f"; {self.fix}" if self.fix else ""
        )
