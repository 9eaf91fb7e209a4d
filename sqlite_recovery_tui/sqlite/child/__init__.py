"""What runs inside the inspection process. Nothing here is imported by the parent."""
