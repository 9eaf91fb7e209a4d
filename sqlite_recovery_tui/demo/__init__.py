"""A sample incident to explore, and the small v0.3 writer that its history is made with."""
