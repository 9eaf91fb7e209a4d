"""Stock Litestream 0.3.13 as the judge of what the writer writes."""

from __future__ import annotations

import subprocess
from datetime import datetime
from pathlib import Path

from tests.support.litestream import litestream


def litestream_restore(
    replica: Path, output: Path, *, timestamp: datetime | None = None
) -> subprocess.CompletedProcess[str]:
    """Restore a replica folder to `output`, as of `timestamp` or to its end."""
    moment = ["-timestamp", timestamp.isoformat().replace("+00:00", "Z")] if timestamp else []
    command = [str(litestream("0.3.13")), "restore", *moment, "-o", str(output), replica.as_uri()]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
