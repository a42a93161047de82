"""Where the file of a potential is: a path, a bundled model, or a pretrained model by its name."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from pathlib import Path

from ..errors import InputError
from .specification import GUARD_FILES, Specification, parse_specification

BUNDLED = {"mini-H-S": Path(__file__).parents[2] / "potentials_data" / "mini-H-S.pth"}
BUNDLED_DATASETS = {name: path.with_suffix(".extxyz") for name, path in BUNDLED.items()}
"""What the bundled models were trained on, by the same names."""
PRETRAINED = {"mattersim-v1.0.0-1m": "mattersim-v1.0.0-1M.pth", "mattersim-v1.0.0-5m": "mattersim-v1.0.0-5M.pth"}
"""Names (any case) that MatterSim 1.2.3 knows, and their files in its cache and on its server."""


def resolve_file(specification: Specification, argument: str = "--potential") -> Path:
    """The file a ``mattersim`` or ``mtp`` specification means; a pretrained model is downloaded when needed.

    A pretrained model is looked for in MatterSim's own cache (``~/.local/mattersim/pretrained_models``) and
    fetched with MatterSim's own function.

    :raises InputError: no such file or name, or a name that is neither in the cache nor within reach
    :raises ValueError: an ``ase`` or ``new`` specification, which has no file
    """
    if specification.kind in ("ase", "guarded") or specification.is_new:
        raise ValueError(f"a potential of the kind {specification.kind}:{specification.target} has no file")
    path = Path(specification.target).expanduser()
    if specification.kind == "mattersim":
        if specification.target in BUNDLED:
            path = BUNDLED[specification.target]
        elif specification.target.lower() in PRETRAINED and not path.is_file():
            path = _pretrained(PRETRAINED[specification.target.lower()], argument)
    if not path.is_file():
        names = ", ".join([*BUNDLED, *(Path(name).stem for name in PRETRAINED.values())])
        known = f"or one of the names {names}" if specification.kind == "mattersim" else "written by MLIP or motep"
        raise InputError(argument, f"no file {path}", f"give an existing file {known}")
    return path


def content_identity(specification: Specification, argument: str = "--potential") -> str:
    """What a potential is, wherever its file lies: the SHA-256 of its files, or the callable and its arguments.

    :raises InputError: no such file or name
    """
    if specification.kind == "ase":
        return f"ase:{specification.target}:{json.dumps(dict(specification.options), sort_keys=True)}"
    if specification.kind == "guarded":
        options = dict(specification.options)
        inner = content_identity(parse_specification(str(options.pop("potential")), argument), argument)
        for name in GUARD_FILES & set(options):
            options[name] = _digest(Path(options[name]), argument)
        return f"guarded:{json.dumps(options, sort_keys=True)}:{inner}"
    path = resolve_file(specification, argument)
    species = f":{_digest(Path(f'{path}.json'), argument)}" if specification.kind == "mtp" else ""
    return f"{specification.kind}:{_digest(path, argument)}{species}"


def _digest(path: Path, argument: str) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise InputError(argument, f"{path} cannot be read ({error.strerror})", "give an existing file") from error


def _pretrained(filename: str, argument: str) -> Path:
    folder = Path("~/.local/mattersim/pretrained_models").expanduser()
    path = folder / filename
    if path.is_file():
        return path
    from loguru import logger
    from mattersim.utils.download_utils import download_checkpoint

    logger.disable("mattersim")  # the error below is all there is to say, in one line
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            download_checkpoint(filename, save_folder=scratch)
            os.replace(Path(scratch) / filename, path)
    except OSError as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(
            argument,
            f"{path.stem} is not in {folder} and could not be downloaded ({reason[:160]})",
            "put the file there or give its path as mattersim:FILE",
        ) from error
    return path
