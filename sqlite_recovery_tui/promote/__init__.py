"""A verified database in the place of production's: planned, confirmed, atomic, and with a way back."""
