"""Opening SQLite files safely, production and untrusted ones."""
