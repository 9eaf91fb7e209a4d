"""The floor under any restore in Python: decode a snapshot with python-lz4 into a file, and fsync it."""

import os
import sys

import lz4.frame


def main() -> None:
    """Decode the first argument into the second."""
    source, target = sys.argv[1:]
    decoder = lz4.frame.LZ4FrameDecompressor()
    with open(source, "rb") as stored, open(target, "wb", buffering=0) as output:
        while piece := stored.read(4 << 20):
            output.write(decoder.decompress(piece))
        os.fsync(output.fileno())


if __name__ == "__main__":
    main()
