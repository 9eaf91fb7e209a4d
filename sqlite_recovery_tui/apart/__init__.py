"""Long work in a process of its own: it takes no turns with a screen, and what ends it ends nothing else."""
