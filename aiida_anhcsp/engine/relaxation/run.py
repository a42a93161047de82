"""The relaxation of many structures at once: they enter, are evaluated and judged, leave, or move on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from ase import Atoms

from ..potentials.base import Evaluation, Potential
from .flight import Flight, capped, enthalpies, generalised_force, geometry, moved, residual, strains, take_off
from .geometry import Start, admitted, examine, reduced, volume_bounds
from .optimiser import OPTIMISERS, Optimiser
from .outcome import Outcome, Status
from .ragged import Batch, Floats, Mask, cell_rows
from .settings import RelaxSettings
from .symmetry import Symmetry, symmetry_of
from .volume import VolumeSearch, volume_start, volume_step

LARGEST_DISPLACEMENT = 0.2
"""Of an atom in one move, angstrom."""
LARGEST_STRAIN = 0.1
"""Of a cell in one move, Frobenius norm."""
REFERENCE_STRAIN = 0.3
"""Logarithmic strain from which on the present cell becomes the reference."""
TOO_HIGH = 0.02
"""A move that raises the enthalpy by more than this (eV/atom) is taken back, if the optimiser descends."""
NOISE = 1e-5
"""Enthalpy (eV/atom) below which a rise is no reason to trust the optimiser less."""
LEAST_TRUST = 0.05
RETRIES = 5
"""Moves into an insane geometry taken back, each time with half the step, before a structure is given up."""
PATIENCE = 150
"""Moves without a lower enthalpy or a smaller force after which a structure counts as oscillating."""

Fault = tuple[Status, str]


@dataclass
class Run:
    """State of one call: what flies, what has landed, what waits (``waiting``: index of the next frame).

    ``pressure`` in eV/angstrom^3.
    """

    frames: Sequence[Atoms]
    potential: Potential
    pressure: float
    settings: RelaxSettings
    flight: Flight
    optimiser: Batch
    volume: VolumeSearch
    outcomes: dict[int, Outcome] = field(default_factory=dict)
    waiting: int = 0
    evaluations: int = 0
    symmetries: dict[int, Symmetry] = field(default_factory=dict)

    @classmethod
    def new(cls, frames: Sequence[Atoms], potential: Potential, pressure: float, settings: RelaxSettings) -> Run:
        """Nothing done yet."""
        nobody = take_off(0, np.empty(0, dtype=np.int64), np.empty((0, 3)), np.eye(3))
        flight = nobody.select(np.array([False]), nobody.owner)
        optimiser = OPTIMISERS[settings.method].start(flight.count)
        return cls(frames, potential, pressure, settings, flight, optimiser, volume_start(0))

    @property
    def method(self) -> Optimiser:
        """The optimiser's functions."""
        return OPTIMISERS[self.settings.method]

    @property
    def done(self) -> bool:
        """Whether every frame has its outcome."""
        return len(self.outcomes) == len(self.frames)

    def cycle(self) -> None:
        """Let structures enter, evaluate all in flight once, let the finished ones leave and move the others."""
        self._enter()
        if len(self.flight) == 0:
            return
        tried, faults = self._evaluate()
        self._judge(tried, np.array([fault is None for fault in faults]))
        self._leave(self._verdicts(faults))
        self._move()

    def stop(self, reason: str) -> None:
        """End what is not finished: ``max_steps`` where there are labels, ``failed`` where there are none."""
        for place, index in enumerate(self.flight.index):
            known = np.isfinite(self.flight.energy[place])
            self.outcomes[int(index)] = self._outcome(place, ("max_steps" if known else "failed", reason))
        for index in range(self.waiting, len(self.frames)):
            self.outcomes[index] = _grounded(self.frames[index], ("failed", reason))

    def _enter(self) -> None:
        """Fill the batch; a frame that cannot start gets its outcome here."""
        newcomers = []
        atoms = int(self.flight.count.sum())
        while self.waiting < len(self.frames):
            frame = self.frames[self.waiting]
            if atoms > 0 and atoms + len(frame) > self.settings.batch_atoms:
                break
            start = admitted(frame)
            if isinstance(start, Start):
                newcomers.append(take_off(self.waiting, frame.numbers, start.positions, start.cell, start.ceiling))
                atoms += len(frame)
            else:
                self.outcomes[self.waiting] = _grounded(frame, start)
            self.waiting += 1
        for newcomer in newcomers:
            self.flight = self.flight.join(newcomer)
            self.optimiser = self.optimiser.join(self.method.start(newcomer.count))
            self.volume = self.volume.join(volume_start(1))

    def _evaluate(self) -> tuple[Flight, list[Fault | None]]:
        """Examine and evaluate the present geometries: the flight with their labels, and the faults, in order."""
        flight = self.flight
        structures = _atoms(flight)
        faults: list[Fault | None] = [
            _fault(structure, ceiling) for structure, ceiling in zip(structures, flight.ceiling, strict=True)
        ]
        sound = [place for place, fault in enumerate(faults) if fault is None]
        evaluations = self.potential.evaluate([structures[place] for place in sound])
        self.evaluations += len(sound)

        energy, stress, force = flight.energy.copy(), flight.stress.copy(), flight.force.copy()
        ends = np.cumsum(flight.count + 3) - 3
        for place, evaluation in zip(sound, evaluations, strict=True):
            faults[place] = _complaint(evaluation)
            if faults[place] is None:
                energy[place] = evaluation.energy
                force[ends[place] - flight.count[place] : ends[place]], stress[place] = self._labels(place, evaluation)

        return replace(flight, energy=energy, stress=stress, force=force, sane=flight.coordinates), faults

    def _labels(self, place: int, evaluation: Evaluation) -> tuple[Floats, Floats]:
        """Forces and stress, with the symmetry of the start where that is to be kept."""
        forces, stress = np.asarray(evaluation.forces), np.asarray(evaluation.stress)
        if not self.settings.keep_symmetry:
            return forces, stress
        index = int(self.flight.index[place])
        if index not in self.symmetries:
            self.symmetries[index] = symmetry_of(self.frames[index])
        symmetry = self.symmetries[index]
        return symmetry.forces(forces), symmetry.stress(stress)

    def _judge(self, tried: Flight, good: Mask) -> None:
        """Let the optimiser learn from the good moves, then accept them, unless they went uphill too far."""
        flight, owner = self.flight, self.flight.owner
        flown = good & (flight.steps > 0)
        rows = flown[owner, None]
        move = np.where(rows, tried.sane - flight.sane, 0.0)
        change = np.where(rows, generalised_force(flight, self.pressure) - generalised_force(tried, self.pressure), 0.0)
        self.optimiser = self.method.learn(self.optimiser, owner, move, change)

        climb = (enthalpies(tried, self.pressure) - enthalpies(flight, self.pressure)) / flight.count
        watched = flown & self.method.descends & (self.volume.change == 0.0)
        refused = watched & (climb > TOO_HIGH)
        uphill = watched & (climb > NOISE)
        trust = np.where(uphill, np.maximum(0.5 * flight.trust, LEAST_TRUST), np.minimum(1.3 * flight.trust, 1.0))
        trust = np.where(good, trust, 0.5 * flight.trust)
        self.flight = flight = replace(
            flight.overlay(tried, good & ~refused, owner), trust=trust, retries=flight.retries + ~good
        )
        self._restart(~good | (refused & (trust <= LEAST_TRUST)))

        enthalpy, force = enthalpies(flight, self.pressure), residual(flight, self.pressure)
        better = (enthalpy < flight.lowest - NOISE / 10 * flight.count) | (force < 0.99 * flight.smallest_force)
        self.flight = replace(
            flight,
            lowest=np.where(better, np.minimum(flight.lowest, enthalpy), flight.lowest),
            smallest_force=np.where(better, np.minimum(flight.smallest_force, force), flight.smallest_force),
            stale=np.where(better, 0, flight.stale + 1),
        )

    def _verdicts(self, faults: list[Fault | None]) -> dict[int, Fault]:
        """Who ends now and how, by place."""
        flight = self.flight
        force = residual(flight, self.pressure)
        verdicts: dict[int, Fault] = {}
        for place, fault in enumerate(faults):
            steps = int(flight.steps[place])
            if fault is not None:
                if steps == 0:
                    verdicts[place] = fault
                elif flight.retries[place] > RETRIES:
                    status: Status = "collapsed" if fault[0] == "too_close" else fault[0]
                    verdicts[place] = status, f"{fault[1]} after {steps} steps"
            elif force[place] <= self.settings.fmax:
                verdicts[place] = self._arrival(place)
            if place not in verdicts and steps >= self.settings.max_steps:
                verdicts[place] = "max_steps", f"fmax {flight.smallest_force[place]:.4f} eV/angstrom at best"
            if place not in verdicts and flight.stale[place] > PATIENCE:
                verdicts[place] = "max_steps", f"oscillating: no progress in {PATIENCE} steps"
        return verdicts

    def _arrival(self, place: int) -> Fault:
        """Converged, unless nothing holds the atoms together."""
        flight = self.flight
        numbers = flight.numbers[(flight.owner == place) & flight.atoms]
        volume = np.linalg.det(geometry(flight, flight.sane)[1][place])
        if volume > volume_bounds(numbers)[1]:
            return "exploded", f"no forces at {volume / len(numbers):.1f} angstrom^3 per atom"
        return "converged", ""

    def _leave(self, verdicts: dict[int, Fault]) -> None:
        """Land the structures that have a verdict."""
        if not verdicts:
            return
        for place, verdict in verdicts.items():
            self.outcomes[int(self.flight.index[place])] = self._outcome(place, verdict)
        stay = np.array([place not in verdicts for place in range(len(self.flight))])
        owner = self.flight.owner
        self.volume = self.volume.select(stay, owner)
        self.optimiser = self.optimiser.select(stay, owner)
        self.flight = self.flight.select(stay, owner)

    def _move(self) -> None:
        """Re-reference strained cells, then one move: by volume in the pre-step, else by the optimiser."""
        if len(self.flight) == 0:
            return
        self._take_new_reference()
        flight = self.flight
        pressure = -(flight.stress[:, 0] + flight.stress[:, 1] + flight.stress[:, 2]) / 3
        before = self.volume.change != 0.0
        self.volume, change = volume_step(self.volume, pressure, self.pressure)
        by_volume = change != 0.0
        self._restart(before & ~by_volume)
        self.optimiser, move = self.method.step(self.optimiser, flight, generalised_force(flight, self.pressure))
        move = capped(flight, move, LARGEST_DISPLACEMENT, LARGEST_STRAIN)
        breath = np.zeros_like(move)
        breath[cell_rows(flight.count)] = (change * flight.trust * flight.stiffness / 3)[:, None, None] * np.eye(3)
        self.flight = moved(flight, np.where(by_volume[flight.owner, None], breath, move))

    def _take_new_reference(self) -> None:
        """Make the sane cell, reduced, the reference where it is strained much; coordinates follow."""
        flight = self.flight
        far = np.abs(np.linalg.eigvalsh(strains(flight, flight.sane))).max(axis=1) > REFERENCE_STRAIN
        if not far.any():
            return
        positions, cells = geometry(flight, flight.sane)
        positions[cell_rows(flight.count)] = 0.0
        cells = np.array([reduced(cell) if strained else cell for cell, strained in zip(cells, far, strict=True)])
        self.flight = flight.overlay(replace(flight, sane=positions, reference=cells), far, flight.owner)
        self._restart(far)

    def _restart(self, where: Mask) -> None:
        """Make the optimiser forget the structures of ``where``."""
        if where.any():
            fresh = self.method.start(self.flight.count)
            self.optimiser = self.optimiser.overlay(fresh, where, self.flight.owner)

    def _outcome(self, place: int, verdict: Fault) -> Outcome:
        flight = self.flight
        rows = (flight.owner == place) & flight.atoms
        positions, cells = geometry(flight, flight.sane)
        outcome = Outcome(*verdict, int(flight.steps[place]), positions[rows], cells[place])
        if not outcome.good:
            return outcome
        return replace(
            outcome,
            energy=float(flight.energy[place]),
            forces=flight.force[rows],
            stress=flight.stress[place],
        )


def _atoms(flight: Flight) -> list[Atoms]:
    """The structures in flight where they are now."""
    positions, cells = geometry(flight, flight.coordinates)
    ends = np.cumsum(flight.count + 3) - 3
    return [
        Atoms(flight.numbers[end - count : end], positions[end - count : end], cell=cell, pbc=True)
        for count, end, cell in zip(flight.count, ends, cells, strict=True)
    ]


def _fault(structure: Atoms, ceiling: float) -> Fault | None:
    return examine(structure.numbers, structure.positions, structure.cell.array, ceiling)


def _complaint(evaluation: Evaluation) -> Fault | None:
    """What the potential holds against a frame; labels that are missing or not finite count."""
    if evaluation.status != "ok":
        return evaluation.status, evaluation.reason
    labels: list[Floats | float | None] = [evaluation.energy, evaluation.forces, evaluation.stress]
    if any(label is None for label in labels):
        return "failed", "the potential gives no energy, forces or stress"
    if not all(np.isfinite(np.asarray(label, dtype=float)).all() for label in labels):
        return "nonfinite", "energy, forces or stress not finite"
    return None


def _grounded(frame: Atoms, verdict: Fault) -> Outcome:
    """The outcome of a frame that never flew: as it came."""
    return Outcome(*verdict, 0, frame.get_positions(), frame.cell.array.copy())
