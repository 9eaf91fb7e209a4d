"""A read-only copy that is brought up to date in place, while other processes read it with SQLite."""
