"""Give the frames of a file identities of their own and their pressure: ``name.py FILE.extxyz PREFIX PRESSURE``."""

import sys

from aiida_anhcsp.engine.frames import bare, read_frames, write_frames


def main(path: str, prefix: str, pressure: str) -> None:
    frames = [bare(frame) for frame in read_frames(path)]
    for index, frame in enumerate(frames):
        frame.info = {"id": f"{prefix}-{index:04d}", "pressure": float(pressure)}
    write_frames(path, frames)


if __name__ == "__main__":
    main(*sys.argv[1:])
