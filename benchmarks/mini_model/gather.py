"""Join GPAW's labels to their structures: ``gather.py SETTINGS.json FORCE OUT.extxyz FRAMES.extxyz:LABELS.extxyz ...``.

Structures with a component of a force above FORCE (eV/angstrom) are left out. Identities are made unique: a structure
distorted twice, in two files, has the same one in both.
"""

import json
import sys
from collections import Counter

import numpy as np

from aiida_anhcsp.engine.frames import labels_of, read_frames, write_frames
from aiida_anhcsp.engine.labels import join_labels, settings_hash


def main(settings_file: str, largest_force: str, output: str, *pairs: str) -> None:
    with open(settings_file) as handle:
        digest = settings_hash("gpaw", json.load(handle))
    dataset = []
    for pair in pairs:
        frames, labels = (read_frames(path) for path in pair.split(":"))
        results = {int(label.info["index"]): label for label in labels}
        labelled, failed = join_labels(frames, results, {}, "gpaw", digest)
        for frame in labelled:
            frame.info.pop("status")
        forces = [np.abs(labels_of(frame)["forces"]).max() for frame in labelled]
        kept = [frame for frame, force in zip(labelled, forces, strict=True) if force <= float(largest_force)]
        dataset += kept
        print(f"{pair}: {len(labelled)} labelled, {len(failed)} failed, {len(kept)} kept")
    seen: Counter[str] = Counter()
    for frame in dataset:
        name = frame.info["id"]
        seen[name] += 1
        if seen[name] > 1:
            frame.info["id"] = f"{name}-{seen[name]}"
    write_frames(output, dataset)


if __name__ == "__main__":
    main(*sys.argv[1:])
