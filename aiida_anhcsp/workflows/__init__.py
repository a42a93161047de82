"""Work chains: they decide, record and resume, and compute nothing heavy."""

from ..lost_database import watch_the_database

watch_the_database()
