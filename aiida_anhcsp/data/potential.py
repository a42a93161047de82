"""A potential as a node that holds the model itself."""

from __future__ import annotations

import hashlib
import html
import io
import json
from collections.abc import Iterable
from pathlib import Path

from aiida.orm import ImportGroup, QueryBuilder, SinglefileData

from ..engine.errors import InputError

FILENAMES = {"mattersim": "potential.pth", "mtp": "potential.mtp", "ase": "potential.json"}
MODEL_FILES = ("mattersim", "mtp")
SHOWN = ("name", "kind", "elements", "cutoff", "sha256", "training_set")


class PotentialData(SinglefileData):
    """The file of a potential, with what the engine needs to load it.

    A node never refers to a name or a path of some machine: for ``mattersim`` and ``mtp`` it holds the model file;
    for ``ase`` a JSON document with ``module``, ``callable`` and ``arguments``, whose code must be installed where
    the jobs run. Attributes, absent where unknown:

    ``kind``
        ``mattersim``, ``mtp`` or ``ase``
    ``elements``
        chemical symbols it was made for, in the order of the file's species for ``mtp``
    ``cutoff``
        range of its interactions in angstrom
    ``sha256``
        of the file
    ``name``
        what it was called when it was imported or trained
    ``training_set``
        SHA-256 of the population it was trained on
    """

    @classmethod
    def from_specification(cls, specification: str) -> PotentialData:
        """Import what an engine specification names (``mattersim:NAME_OR_FILE``, ``mtp:FILE``, ``ase:...``).

        Names are resolved to files, and the potential is loaded once to see that it works.

        :raises InputError: the specification is malformed, its file is missing, its file is not a potential, or what
            loads it is not installed here.
        """
        try:
            return cls._import(specification)
        except ModuleNotFoundError as error:
            fix = "install the extra 'engine' here (pip install '.[engine]' in a checkout), or give a stored one's PK"
            raise InputError("potential", f"cannot be loaded here without {error.name}", fix) from error

    @classmethod
    def _import(cls, specification: str) -> PotentialData:
        from ..engine.potentials import load_potential
        from ..engine.potentials.resolve import resolve_file
        from ..engine.potentials.specification import parse_specification

        parsed = parse_specification(specification, "potential")
        if parsed.kind == "guarded":
            raise InputError("potential", "a guarded potential is no file", "give the potential; jobs have a guard")
        potential = load_potential(specification, argument="potential")
        if parsed.kind == "ase":
            return cls.from_callable(parsed.target, dict(parsed.options), potential.elements, potential.cutoff)
        path = Path(resolve_file(parsed, "potential"))
        elements = _elements_of_mtp(path) if parsed.kind == "mtp" else potential.elements
        return cls.from_file(path, parsed.kind, elements, potential.cutoff, name=Path(parsed.target).name)

    @classmethod
    def from_file(
        cls,
        path: str | Path,
        kind: str,
        elements: Iterable[str] | None = None,
        cutoff: float | None = None,
        name: str | None = None,
        training_set: str | None = None,
    ) -> PotentialData:
        """Unstored node with the model file at ``path``, taken as it is (the file is not loaded).

        :param elements: the species in the order of the file for ``mtp``; a set otherwise
        :param cutoff: angstrom
        :raises ValueError: unknown ``kind``, or an ``mtp`` without its species.
        """
        if kind not in MODEL_FILES:
            raise ValueError(f"kind of a potential file must be mattersim or mtp, not {kind!r}")
        if kind == "mtp" and not elements:
            raise ValueError("an mtp potential needs its species in the order of the file")
        ordered = None if elements is None else (list(elements) if kind == "mtp" else sorted(elements))
        return cls._build(Path(path).read_bytes(), kind, ordered, cutoff, name, training_set)

    @classmethod
    def from_callable(
        cls, target: str, arguments: dict, elements: Iterable[str] | None = None, cutoff: float | None = None
    ) -> PotentialData:
        """Unstored node for an ASE calculator, ``target`` being ``MODULE:CALLABLE``."""
        module, _, function = target.partition(":")
        document = {"module": module, "callable": function, "arguments": arguments}
        content = json.dumps(document, sort_keys=True, indent=1).encode()
        return cls._build(content, "ase", None if elements is None else sorted(elements), cutoff, target, None)

    @classmethod
    def _build(
        cls,
        content: bytes,
        kind: str,
        elements: list[str] | None,
        cutoff: float | None,
        name: str | None,
        training_set: str | None,
    ) -> PotentialData:
        node = cls(io.BytesIO(content), filename=FILENAMES[kind])
        attributes = {
            "kind": kind,
            "elements": elements,
            "cutoff": cutoff,
            "sha256": hashlib.sha256(content).hexdigest(),
            "name": name,
            "training_set": training_set,
        }
        node.base.attributes.set_many({key: value for key, value in attributes.items() if value is not None})
        return node

    @property
    def kind(self) -> str:
        """``mattersim``, ``mtp`` or ``ase``."""
        return str(self.base.attributes.get("kind"))

    @property
    def elements(self) -> list[str] | None:
        """Chemical symbols it was made for, or None where it takes any."""
        elements = self.base.attributes.get("elements", None)
        return None if elements is None else list(elements)

    @property
    def cutoff(self) -> float | None:
        """Range of its interactions in angstrom, or None where that is unknown."""
        cutoff = self.base.attributes.get("cutoff", None)
        return None if cutoff is None else float(cutoff)

    def _repr_html_(self) -> str:
        """What a notebook shows: which model this is, for which elements."""
        shown = {key: value for key, value in self.base.attributes.all.items() if key in SHOWN}
        rows = "".join(f"<tr><th>{key}</th><td>{html.escape(str(value))}</td></tr>" for key, value in shown.items())
        return f"<p>PotentialData {self.uuid}</p><table>{rows}</table>"

    def require_own(self, argument: str = "potential") -> None:
        """Refuse what would run code that came from elsewhere; a model file is data, whoever made it.

        All profiles of ``verdi presto`` have the same user, so the groups of imported archives count as well.

        :raises InputError: anything but a model file, of another user or of an archive.
        """
        if self.kind in MODEL_FILES or not self.is_stored:
            return
        imported = QueryBuilder().append(type(self), filters={"id": self.pk}, tag="node")
        imported.append(ImportGroup, with_node="node")
        if self.user.is_default and not imported.count():
            return
        raise InputError(
            argument,
            f"node {self.pk} names code to run, and came from an archive or another user",
            "if you trust that code, run aiida-anhcsp potential import ase:MODULE:CALLABLE[:JSON]",
        )

    @property
    def specification(self) -> str:
        """What ``--potential`` takes in a folder that holds :meth:`files`.

        :raises InputError: :meth:`require_own` refuses the node.
        """
        self.require_own()
        if self.kind != "ase":
            return f"{self.kind}:{FILENAMES[self.kind]}"
        document = json.loads(self.get_content(mode="r"))
        target = f"ase:{document['module']}:{document['callable']}"
        arguments = document["arguments"]
        return f"{target}:{json.dumps(arguments, sort_keys=True)}" if arguments else target

    def files(self) -> dict[str, bytes]:
        """Files a job folder needs for :attr:`specification`, by name."""
        if self.kind == "ase":
            return {}
        name = FILENAMES[self.kind]  # the node's own filename may be any path if it came with an archive
        files = {name: self.get_content(mode="rb")}
        if self.kind == "mtp":
            files[f"{name}.json"] = json.dumps({"elements": self.elements}).encode()
        return files


def _elements_of_mtp(path: Path) -> list[str]:
    return list(json.loads(Path(f"{path}.json").read_text())["elements"])
