"""From a moment to a database file: target, plan, fetch, apply."""
