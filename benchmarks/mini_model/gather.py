"""Join GPAW's labels to their structures: ``gather.py SETTINGS.json OUT.extxyz FRAMES.extxyz:LABELS.extxyz ...``."""

import json
import sys

from aiida_anhcsp.engine.frames import read_frames, write_frames
from aiida_anhcsp.engine.labels import join_labels, settings_hash


def main(settings_file: str, output: str, *pairs: str) -> None:
    with open(settings_file) as handle:
        digest = settings_hash("gpaw", json.load(handle))
    dataset = []
    for pair in pairs:
        frames, labels = (read_frames(path) for path in pair.split(":"))
        results = {int(label.info["index"]): label for label in labels}
        labelled, failed = join_labels(frames, results, {}, "gpaw", digest)
        for frame in labelled:
            frame.info.pop("status")
        dataset += labelled
        print(f"{pair}: {len(labelled)} labelled, {len(failed)} failed")
    write_frames(output, dataset)


if __name__ == "__main__":
    main(*sys.argv[1:])
