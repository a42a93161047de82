"""Memory that a process can still have."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path("/")
UNLIMITED = "max"


def available_memory(root: Path = ROOT) -> int:
    """Memory that the machine, and the control groups a job is confined to, can still give, bytes.

    Caches that are given back on demand count as available.

    :param root: of the file system that the kernel tells it in
    """
    return min([_of_machine(root), *_of_groups(root)])


def _of_machine(root: Path) -> int:
    meminfo = root / "proc" / "meminfo"
    if meminfo.is_file():
        return 1024 * _table(meminfo)["MemAvailable:"]
    return int(os.sysconf("SC_PHYS_PAGES")) * int(os.sysconf("SC_PAGE_SIZE"))


def _of_groups(root: Path) -> list[int]:
    """What each control group of this process, and each group around it, leaves; of both versions of the interface."""
    groups, mounted = root / "proc" / "self" / "cgroup", root / "sys" / "fs" / "cgroup"
    left = []
    for line in groups.read_text().splitlines() if groups.is_file() else []:
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            names = mounted, "memory.max", "memory.current", "inactive_file"
        elif "memory" in controllers.split(","):
            names = mounted / "memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"
        else:
            continue
        inner = names[0] / path.strip("/")
        for folder in (inner, *inner.parents):
            if folder.is_relative_to(names[0]) and (folder / names[1]).is_file():
                limit = (folder / names[1]).read_text().strip()
                if limit != UNLIMITED:
                    used = int((folder / names[2]).read_text()) - _table(folder / "memory.stat").get(names[3], 0)
                    left.append(int(limit) - used)
    return left


def _table(path: Path) -> dict[str, int]:
    """First number of each line of a file of the kernel, by the line's first word."""
    rows = (line.split() for line in path.read_text().splitlines())
    return {row[0]: int(row[1]) for row in rows if len(row) > 1 and row[1].isdigit()}
