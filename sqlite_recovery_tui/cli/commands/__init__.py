"""One file per command; each imports what it uses when it runs."""
