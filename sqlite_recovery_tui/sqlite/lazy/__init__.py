"""Databases that are elsewhere, brought page by page as they are looked at. Knows no replica format."""
