"""The console in a browser: one server on this machine, one process of the console per visitor."""
