from pathlib import Path

import pytest

from aiida_anhcsp.engine.sscha.memory import available_memory


@pytest.fixture
def machine(tmp_path):
    """A file system as the kernel tells of 1000 kB free and 4000 kB that can be had."""
    written(tmp_path / "proc/meminfo", "MemTotal: 8000 kB\nMemFree: 1000 kB\nMemAvailable: 4000 kB\n")
    return tmp_path


def written(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_caches_count_as_available(machine):
    assert available_memory(machine) == 4000 * 1024


def test_the_tightest_group_around_a_process_is_the_limit(machine):
    written(machine / "proc/self/cgroup", "0::/slurm/job/step\n")
    for group, limit, used, cache in (("job", "3000000", 2000000, 500000), ("job/step", "max", 2000000, 500000)):
        folder = machine / "sys/fs/cgroup/slurm" / group
        written(folder / "memory.max", f"{limit}\n")
        written(folder / "memory.current", f"{used}\n")
        written(folder / "memory.stat", f"anon 1500000\ninactive_file {cache}\n")
    assert available_memory(machine) == 3000000 - 1500000


def test_the_first_version_of_control_groups_is_read_too(machine):
    written(machine / "proc/self/cgroup", "4:memory:/job\n1:cpu:/\n")
    folder = machine / "sys/fs/cgroup/memory/job"
    written(folder / "memory.limit_in_bytes", "3000000\n")
    written(folder / "memory.usage_in_bytes", "1000000\n")
    written(folder / "memory.stat", "cache 400\ntotal_inactive_file 400\n")
    assert available_memory(machine) == 2000400


def test_a_group_that_is_mounted_elsewhere_is_that_of_the_root(machine):
    written(machine / "proc/self/cgroup", "0::/docker/abc\n")
    written(machine / "sys/fs/cgroup/memory.max", "1000\n")
    written(machine / "sys/fs/cgroup/memory.current", "400\n")
    written(machine / "sys/fs/cgroup/memory.stat", "inactive_file 0\n")
    assert available_memory(machine) == 600


def test_this_machine_has_some():
    assert available_memory() > 0
