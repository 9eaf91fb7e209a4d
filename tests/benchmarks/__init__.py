"""Side-by-side measurements against Litestream; `make bench` runs them, pytest does not."""
