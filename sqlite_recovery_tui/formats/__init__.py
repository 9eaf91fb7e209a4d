"""Pure functions on bytes and names; nothing here opens a file or a connection."""
