"""sqlrecover: browse, prove and restore the replicas of SQLite databases."""

__version__ = "0.1.0"
