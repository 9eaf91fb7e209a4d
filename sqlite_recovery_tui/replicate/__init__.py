"""The replication daemon: follows the WAL of live databases, and ships what was committed to replicas."""
