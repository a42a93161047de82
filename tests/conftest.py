"""Fixtures of the AiiDA storey: a temporary profile, the engine's code, and processes without a daemon."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

pytest_plugins = ["aiida.tools.pytest_fixtures"]

ENGINE = Path(__file__).parents[1] / ".venv" / "bin" / "anhcsp-engine"
EMT = "ase:ase.calculators.emt:EMT"


@pytest.fixture
def engine_code(aiida_code_installed: Callable) -> Any:
    """``anhcsp-engine`` of this environment, as a code on the local machine."""
    return aiida_code_installed(label="anhcsp-engine", filepath_executable=str(ENGINE))


@pytest.fixture
def system_python(aiida_code_installed: Callable) -> Any:
    """The interpreter Debian's GPAW is installed for."""
    return aiida_code_installed(label="python3-gpaw", filepath_executable="/usr/bin/python3")


@pytest.fixture
def emt() -> Any:
    """ASE's effective-medium potential, as a node."""
    from aiida_anhcsp.data.potential import PotentialData

    return PotentialData.from_callable("ase.calculators.emt:EMT", {}, elements={"Cu", "Au", "Al"})


@pytest.fixture
def learner(tmp_path: Path) -> Any:
    """A potential of a kind that can be trained, as a node; nothing computes with it."""
    from aiida_anhcsp.data.potential import PotentialData

    path = tmp_path / "learner.mtp"
    path.write_text("MTP")
    return PotentialData.from_file(path, "mtp", elements=["Cu", "Au", "Al"])


@pytest.fixture
def copper_frames() -> list[Atoms]:
    """Four copper cells, rattled and strained, with identities."""
    rng = np.random.default_rng(7)
    frames = []
    for index in range(4):
        atoms = bulk("Cu", cubic=True)
        atoms.set_cell(atoms.cell * (1 - 0.02 * index), scale_atoms=True)
        atoms.positions += rng.normal(scale=0.05, size=atoms.positions.shape)
        atoms.info.update(id=f"g000-{index:04d}", generation=0, operator="random")
        frames.append(atoms)
    return frames


@pytest.fixture
def copper(copper_frames: list[Atoms]) -> Any:
    """The four copper cells as a population."""
    from aiida_anhcsp.data.population import PopulationData

    return PopulationData.from_frames(copper_frames)


@pytest.fixture
def generate_calc_job(tmp_path: Path) -> Callable:
    """Prepare a CalcJob for submission: returns its CalcInfo and the folder it wrote."""

    def factory(entry_point: str, inputs: dict[str, Any]) -> tuple[Any, Path]:
        from aiida.common.folders import Folder
        from aiida.engine.utils import instantiate_process
        from aiida.manage import get_manager
        from aiida.plugins import CalculationFactory

        process = instantiate_process(get_manager().get_runner(), CalculationFactory(entry_point), **inputs)
        return process.prepare_for_submission(Folder(tmp_path)), tmp_path

    return factory


@pytest.fixture
def generate_calc_job_node(aiida_localhost: Any) -> Callable:
    """A finished CalcJobNode with these inputs, whose retrieved folder holds these files."""

    def factory(
        entry_point: str, inputs: Mapping[str, Any], files: Mapping[str, bytes | str], options: dict | None = None
    ) -> Any:
        from aiida import orm
        from aiida.common import LinkType
        from aiida.plugins.entry_point import format_entry_point_string

        node = orm.CalcJobNode(
            computer=aiida_localhost, process_type=format_entry_point_string("aiida.calculations", entry_point)
        )
        node.set_option("resources", {"num_machines": 1, "num_mpiprocs_per_machine": 1})
        for key, value in (options or {}).items():
            node.set_option(key, value)
        for label, data in inputs.items():
            data.store()
            node.base.links.add_incoming(data, link_type=LinkType.INPUT_CALC, link_label=label)
        node.store()
        retrieved = orm.FolderData()
        for name, content in files.items():
            raw = content.encode() if isinstance(content, str) else content
            retrieved.base.repository.put_object_from_filelike(io.BytesIO(raw), name)
        retrieved.base.links.add_incoming(node, link_type=LinkType.CREATE, link_label="retrieved")
        retrieved.store()
        return node

    return factory


@pytest.fixture
def parse() -> Callable:
    """Run a parser on a node: returns its outputs and the parsing process."""

    def factory(entry_point: str, node: Any) -> tuple[dict[str, Any], Any]:
        from aiida.plugins import ParserFactory

        outputs, process = ParserFactory(entry_point).parse_from_node(node, store_provenance=False)
        return outputs if isinstance(outputs, dict) else {"result": outputs}, process

    return factory
