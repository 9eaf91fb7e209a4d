"""The configuration is imported by nearly every command, so it must cost little."""

from __future__ import annotations

import subprocess
import sys

HEAVY = ("yaml", "pydantic", "boto3", "botocore", "obstore", "numpy", "rich", "textual", "click", "difflib")


def test_imports_nothing_heavy() -> None:
    program = "import sys, sqlite_recovery_tui.config; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert set(HEAVY) & set(done.stdout.split()) == set()
