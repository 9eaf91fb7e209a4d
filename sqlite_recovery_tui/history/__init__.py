"""The ledger of every act: who did what, when, with which objects, and what came of it.

Nothing here may stop a recovery: a ledger that cannot be written is a warning, never a failure.
"""
