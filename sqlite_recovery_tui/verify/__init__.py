"""Proof that a replica, or a restored database, is whole."""
