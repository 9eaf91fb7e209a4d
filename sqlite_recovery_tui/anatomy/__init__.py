"""What stored objects are made of: frames, transactions, pages and cells, and what is wrong where.

Nothing here restores anything. Everything is untrusted: a damaged or hostile object is described as far as
it can be read, in bounded memory, and never raises for what it contains.
"""
