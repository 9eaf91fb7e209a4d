"""Modules that a command will need, imported while it waits for a store to answer."""

from __future__ import annotations

import importlib
import threading
from contextlib import suppress


def preload(*modules: str) -> None:
    """Import modules in another thread; what cannot be imported is told of by whoever needs it.

    The thread ends by itself and the process waits for it: to end within an import is no safe thing.
    """
    threading.Thread(target=_import, args=modules, name="preload").start()


def _import(*modules: str) -> None:
    for module in modules:
        with suppress(Exception):
            importlib.import_module(module)
