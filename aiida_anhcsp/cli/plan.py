"""What a run will do, to be read before it is submitted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiida.orm import AbstractCode, Dict
from tabulate import tabulate

from ..data.potential import PotentialData
from ..engine.learning.settings import TrainSettings
from ..engine.search.seeds import wanted
from ..engine.search.settings import SearchSettings
from ..engine.search.symmetrise import MOST_COPIES
from ..engine.sscha.settings import AUTO, parse_stages
from ..workflows.settings import SschaStages
from .inputs.build import Run
from .inputs.models import (
    ActiveInput,
    CorrectInput,
    CorrectionInput,
    CspInput,
    DftRelaxInput,
    EngineInput,
    FinetuneInput,
    HessianInput,
    LabelInput,
    LabelRunInput,
    PhaseDiagramInput,
    SearchInput,
    SearchKeys,
    SschaInput,
    SschaOnLabelsInput,
)

Line = tuple[str, str]


def plan_of(run: Run) -> str:
    """The plan of a run as a table: what is computed, how often, by what and with which resources."""
    described = run.described
    lines: list[Line] = [("work chain", run.entry_point)]
    if isinstance(described, CspInput):
        pressures = described.pressures or [described.search.pressure]
        lines += search_lines(described, run.inputs["search"], pressures)
        lines += csp_lines(described, pressures)
    elif isinstance(described, SearchInput):
        lines += search_lines(described, run.inputs, [described.search.pressure])
        lines += gibbs_lines(described, run.inputs) + dft_lines(described, [described.search.pressure])
    if isinstance(described, LabelRunInput):
        lines += label_run_lines(described, run.inputs)
    if isinstance(described, FinetuneInput):
        lines += finetune_lines(described, run.inputs)
    if isinstance(described, SschaInput):
        lines += sscha_lines(described, run.inputs)
    if isinstance(described, ActiveInput):
        lines += active_lines(described, run.inputs)
    if isinstance(described, CorrectInput):
        lines.append(("correction", correction_line(described.correction, 1)))
    if isinstance(described, HessianInput):
        hessian = described.hessian
        number = f"{hessian.configurations} configurations, at most {hessian.max_configurations}"
        order = "third and fourth order" if hessian.v4 else "third order"
        lines.append(("Hessian", f"{order}, {number}; dispersions along {hessian.path or 'no path'}"))
    if isinstance(described, SschaOnLabelsInput):
        population = described.population
        number = f"at most {population.max_populations} populations of {population.configurations}"
        lines.append(("labels", f"{number}, {label_line(described.label)}"))
    if isinstance(described, PhaseDiagramInput):
        lines += phase_diagram_lines(described, run.inputs)
    if isinstance(described, EngineInput):
        lines.append(("engine jobs", engine_resources(described)))
    return tabulate(lines, tablefmt="plain")


def gibbs_lines(described: SearchInput, inputs: Mapping[str, Any]) -> list[Line]:
    """SSCHA of every structure, where that is asked for."""
    sscha, search = described.sscha, described.search
    if sscha is None:
        return []
    runs = search.most_relaxed(seeds_of(inputs))
    text = f"every structure at {sscha.temperature:g} K: at most {runs} runs, {sscha.max_concurrent} at a time"
    if sscha.window is not None:
        text += f", given up {1000 * sscha.window:g} meV/atom above the lowest"
    return [("SSCHA", text), ("SSCHA stages", stages_line(sscha, runs))]


def search_lines(described: SearchKeys, inputs: Mapping[str, Any], pressures: list[float]) -> list[Line]:
    """System, potential, structures and labels of the searches at these pressures (GPa)."""
    search, learning = described.search, described.learning
    lines = [
        ("system", f"{search.system}, {cells_line(search)}, {points(pressures, 'GPa')}"),
        ("potential", start_line(described, inputs)),
        ("search", structures_line(search, len(pressures), seeds_of(inputs))),
        ("relaxation", f"to {search.relax.fmax:g} eV/angstrom in at most {search.relax.max_steps} steps"),
    ]
    if learning is not None and learning.initial:
        count = len(pressures) * learning.initial
        lines.append(("first labels", f"{count} random structures, {label_line(learning.label)}"))
    if learning is not None:
        train = TrainSettings.parse({"seed": 0, **learning.train})
        held_out = train.split.validation + train.split.test
        rounds = sum(1 for generation in range(search.generations) if search.number_in(generation))
        rounds = len(pressures) * min(rounds, learning.max_rounds or rounds)
        chosen = f"{learning.number} structures x {learning.distortions} distortions"
        if learning.unphysical:
            chosen = f"({chosen} + {learning.unphysical} unphysical)"
        labels = rounds * (learning.number * learning.distortions + learning.unphysical)
        lines += [
            ("labels", f"at most {rounds} x {chosen} = {labels}, {label_line(learning.label)}"),
            (
                "learning",
                f"{rounds} x {epochs_line(train.epochs)}, {held_out:.0%} of the labels held out, {learning.replay} old "
                f"ones replayed; then the {learning.survivors or search.population} lowest are relaxed again",
            ),
            ("label jobs", label_resources(learning.label, inputs["learning"]["label"])),
        ]
    return lines


def cells_line(search: SearchSettings) -> str:
    """Atoms in the cells of a search; over compositions those of elements alone by themselves."""
    cells = search.compositions()
    if not search.variable:
        return f"{span(sorted({each.n_atoms for each in cells}))} atoms a cell"
    alone, compounds = (
        sorted({each.n_atoms for each in cells if (len(each.elements) > 1) is several}) for several in (False, True)
    )
    together = f"{span(compounds)} atoms a cell and " if compounds else ""
    return f"{together}{span(alone)} of an element alone"


def seeds_of(inputs: Mapping[str, Any]) -> int:
    """Number of seeds that a search relaxes."""
    return len(wanted(inputs["seeds"].get_frames())) if "seeds" in inputs else 0


def epochs_line(*numbers: int | None) -> str:
    """Epochs of trainings that follow one another; what is not stated depends on the kind of potential."""
    return f"{', then '.join(str(number or 'the default number of') for number in numbers)} epochs"


def start_line(described: SearchKeys, inputs: Mapping[str, Any]) -> str:
    """The potential a search starts with."""
    if described.potential is not None:
        return potential_line(described.potential, inputs.get("potential"))
    assert described.learning is not None
    return f"{described.learning.new}, from nothing on the first labels"


def dft_lines(described: SearchKeys, pressures: list[float]) -> list[Line]:
    """DFT relaxation of the lowest structures at each of these pressures (GPa), and of what labels know lower."""
    relaxation = described.dft_relax
    if relaxation is None:
        return []
    number = f"{relaxation.number} lowest structures"
    if described.search.variable:
        number += f" and {len(described.search.elements)} elements"
    if described.search.variable and described.learning is not None:
        number += ", phases of the labels' hull"
    return [("DFT relaxation", f"{number} at {points(pressures, 'GPa')}, {label_line(relaxation)}")]


def csp_lines(described: CspInput, pressures: list[float]) -> list[Line]:
    """What follows the searches that learn: joint training, production, SSCHA of the finalists."""
    lines: list[Line] = []
    if described.finetune is not None and described.learning is not None and len(pressures) > 1:
        epochs = epochs_line(*(stage.epochs for stage in described.finetune.stages))
        lines.append(("finetuning", f"{epochs} on all labels"))
    if described.production is not None:
        pressures = described.production.pressures
        search = SearchSettings.parse({**described.search.model_dump(), **described.production.search})
        lines.append(("production", f"{points(pressures, 'GPa')}: {structures_line(search, len(pressures))}"))
    lines += dft_lines(described, pressures)
    sscha = described.sscha
    runs = sscha.number * len(pressures) * len(sscha.temperatures)
    which = f"{sscha.number} lowest distinct structures"
    equal = "="
    if described.search.variable:
        runs *= len(described.search.elements)
        which += f" of each composition within {sscha.window:g} eV/atom of the hull"
        equal = "= at least"  # the elements
    at = f"{points(pressures, 'GPa')} x {points(sscha.temperatures, 'K')}"
    text = f"{which} x {at} {equal} {runs} runs, {sscha.max_concurrent} at a time"
    lines += [("SSCHA", text), ("SSCHA stages", stages_line(sscha, runs))]
    correction = described.correction
    if correction is not None:
        lines.append(("correction", correction_line(correction, runs)))
    return lines


def correction_line(correction: CorrectionInput, runs: int) -> str:
    """Error to reach and labels of so many corrections."""
    text = f"to {1000 * correction.target:g} meV/atom, {runs} x {correction.first} to {correction.max_labels} labels"
    return f"{text} {label_line(correction.label)}"


def structures_line(search: SearchSettings, pressures: int, seeds: int = 0) -> str:
    """Number of structures of searches at so many pressures, each with so many seeds."""
    generations = sum(search.number_in(generation) > 0 for generation in range(search.generations))
    searches = f"{pressures} searches of " if pressures > 1 else ""
    beside = {"seeds": seeds, "prototypes": search.prototypes}
    text = f"{searches}{generations} generations of {search.population}"
    text += "".join(f" + {number} {name}" for name, number in beside.items() if number)
    text += f": at most {pressures * search.most_relaxed(seeds)} structures to relax"
    if search.symmetrise:
        text += f", and {pressures * MOST_COPIES * search.symmetrise} symmetrised copies"
    return text


def label_run_lines(described: LabelRunInput, inputs: Mapping[str, Any]) -> list[Line]:
    """Labels of a population."""
    return [
        ("labels", f"{inputs['population'].count}, {label_line(described.label)}"),
        ("label jobs", label_resources(described.label, inputs)),
    ]


def finetune_lines(described: FinetuneInput, inputs: Mapping[str, Any]) -> list[Line]:
    """Training on a dataset."""
    start = potential_line(described.potential, inputs.get("potential")) if described.potential else described.new
    return [
        ("potential", str(start)),
        (
            "dataset",
            f"{inputs['dataset'].count} structures, {inputs['dataset'].base.attributes.get('labelled')} labelled",
        ),
        (
            "training",
            f"at most {epochs_line(described.train.epochs)}, learning rate {described.train.learning_rate:g}",
        ),
    ]


def sscha_lines(described: SschaInput, inputs: Mapping[str, Any]) -> list[Line]:
    """One SSCHA run."""
    sscha = described.sscha
    return [
        ("structure", inputs["structure"].get_formula()),
        ("potential", potential_line(described.potential, inputs.get("potential"))),
        (
            "SSCHA",
            f"1 run, {sscha.pressure:g} GPa, {sscha.temperature:g} K, cell {'fixed' if sscha.fixed_cell else 'free'}",
        ),
        ("SSCHA stages", stages_line(sscha, 1)),
    ]


def active_lines(described: ActiveInput, inputs: Mapping[str, Any]) -> list[Line]:
    """Active learning for the SSCHA of one structure, or of several."""
    active = described.active
    library = ", ".join(described.library) or "none"
    labels = (
        f"{active.first} distortions of {'x'.join(map(str, active.sampled.supercell))} cells, then at most "
        f"{active.batch} in each of {active.rounds} rounds, {label_line(described.label)}"
    )
    point, runs = f"{active.pressure:g} GPa, {active.temperature:g} K", 1
    if "structure" in inputs:
        lines = [("structure", inputs["structure"].get_formula())]
        sscha = f"1 run, {point}"
    else:
        count, repeat = inputs["structures"].count, 2 if described.repeat is None else described.repeat
        library += ", and it grows"
        labels = f"for each structure at most {labels}"
        lines = [("structures", f"{count}, one after the other")]
        sscha, runs = f"{count} runs, and at least {min(count, repeat)} of the lowest with fresh potentials", count
        sscha += f", {point}"
    lines += [
        ("potential", f"{active.new}; library: {library}"),
        ("labels", labels),
        ("label jobs", label_resources(described.label, inputs["label"])),
        ("SSCHA", sscha),
        ("SSCHA stages", stages_line(active, runs)),
    ]
    if described.correction is not None:
        lines.append(("correction", correction_line(described.correction, runs)))
    return lines


def phase_diagram_lines(described: PhaseDiagramInput, inputs: Mapping[str, Any]) -> list[Line]:
    """A grid of SSCHA runs."""
    grid, count = described.phase_diagram, inputs["structures"].count
    runs = count * len(grid.pressures) * len(grid.temperatures)
    at = f"{points(grid.pressures, 'GPa')} x {points(grid.temperatures, 'K')}"
    return [
        ("potential", potential_line(described.potential, inputs.get("potential"))),
        ("SSCHA", f"{count} structures x {at} = {runs} runs, {grid.max_concurrent} at a time"),
        ("SSCHA stages", stages_line(grid, runs)),
    ]


def stages_line(sscha: SschaStages, runs: int) -> str:
    """Stages and their least number of evaluations."""
    stages = parse_stages(",".join(sscha.stages).replace(AUTO, "1x1x1:"))
    jobs = len(stages) + sscha.audit
    evaluations = sum(stage.configurations for stage in stages) + sscha.audit * stages[-1].configurations
    audit = ", audit" if sscha.audit else ""
    return (
        f"{', '.join(sscha.stages)}{audit}: {runs * jobs} jobs, {runs * evaluations} configurations for each "
        "population drawn"
    )


def label_line(label: LabelInput | DftRelaxInput) -> str:
    """Which engine labels, in jobs of which size."""
    ports = label.inputs
    text = f"by {label.entry_point}"
    if "chunk_size" in ports:
        text += f" in jobs of {ports['chunk_size']}"
    if "max_concurrent" in ports:
        text += f", {ports['max_concurrent']} jobs at a time"
    return text


def label_resources(label: LabelInput, inputs: Mapping[str, Any]) -> str:
    """Codes and scheduler options of the label jobs."""
    codes = [code_line(node) for node in inputs.values() if isinstance(node, AbstractCode)]
    codes = codes or [str(label.inputs.get("code", "no code"))]
    options = inputs.get("options")
    return f"{', '.join(codes)}: {options_line(options.get_dict() if isinstance(options, Dict) else {})}"


def engine_resources(described: EngineInput) -> str:
    """Code, device and scheduler options of the engine's jobs."""
    runtime = described.runtime
    processes = f"{runtime.processes} processes of " if runtime.processes else ""
    computing = f"{processes}{runtime.threads} threads on {runtime.device}"
    return f"{described.code}: {options_line(described.options)}, {computing}"


def potential_line(written: str | int, node: PotentialData | None) -> str:
    """The potential as written, and the node it is."""
    if node is None:
        return f"{written} (not on this machine)"
    known = " ".join(node.elements) if node.elements else "any element"
    place = f"PK {node.pk}" if node.is_stored else "not stored yet"
    return f"{written} ({place}, {known})"


def code_line(code: AbstractCode) -> str:
    """Name of a code."""
    return str(code.full_label)


def options_line(options: Mapping[str, Any]) -> str:
    """Scheduler options in a line."""
    if not options:
        return "1 process"
    texts = []
    for key, value in options.items():
        inner = ", ".join(f"{name} {number}" for name, number in value.items()) if isinstance(value, Mapping) else value
        texts.append(inner if isinstance(value, Mapping) else f"{key} {inner}")
    return ", ".join(map(str, texts))


def points(values: list[float], unit: str) -> str:
    """``75, 125 GPa``."""
    return f"{', '.join(f'{value:g}' for value in values)} {unit}"


def span(numbers: list[int]) -> str:
    """``4`` or ``4-32``."""
    return str(numbers[0]) if len(numbers) == 1 else f"{numbers[0]}-{numbers[-1]}"
