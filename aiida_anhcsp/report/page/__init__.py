"""The report of a run: one HTML page that holds everything it shows and loads nothing."""

from .write import write_page

__all__ = ["write_page"]
