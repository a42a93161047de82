"""Calculations: one CalcJob per ``anhcsp-engine`` command, and the calcfunctions between them."""

from ..lost_database import watch_the_database

watch_the_database()
