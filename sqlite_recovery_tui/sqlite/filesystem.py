"""On what kind of file system a file lies, and whether SQLite's log can work there."""

from __future__ import annotations

import os
import re
from pathlib import Path

_MOUNTS = Path("/proc/self/mountinfo")
_OCTAL = re.compile(r"\\([0-7]{3})")

# A WAL needs memory that all processes share, and locks that all hosts respect.
NETWORK = frozenset(
    {
        "9p",
        "afs",
        "beegfs",
        "ceph",
        "cifs",
        "fuse.glusterfs",
        "fuse.s3fs",
        "fuse.rclone",
        "fuse.sshfs",
        "gfs2",
        "glusterfs",
        "lustre",
        "ncpfs",
        "nfs",
        "nfs4",
        "ocfs2",
        "smb3",
        "smbfs",
    }
)


def kind(path: str | os.PathLike[str], mounts: Path = _MOUNTS) -> str:
    """Return the type of the file system that `path` lies on, as the system calls it; "" where it tells none.

    The file itself need not be there. Linux only.
    """
    wanted = os.path.realpath(path)
    best, found = "", ""
    try:
        text = mounts.read_text(errors="surrogateescape")
    except OSError:
        return ""
    for line in text.splitlines():
        before, dash, behind = line.partition(" - ")
        fields = before.split(" ")
        if not dash or len(fields) < 5:
            continue
        point = _OCTAL.sub(lambda octal: chr(int(octal[1], 8)), fields[4])
        inside = wanted == point or wanted.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(best):  # of two mounts on one place the later one is seen
            best, found = point, behind.split(" ", 1)[0]
    return found


def is_network(file_system: str) -> bool:
    """Tell whether a type of file system is shared by several hosts."""
    return file_system in NETWORK
