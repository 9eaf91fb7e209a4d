"""The ledger of every act: who did what, when, with which objects, and what came of it.

Nothing here may stop a recovery: a ledger that cannot be written is a warning, never a failure.
"""

from sqlite_recovery_tui.history.entry import Entry, Proven

__all__ = ["Entry", "Proven"]
