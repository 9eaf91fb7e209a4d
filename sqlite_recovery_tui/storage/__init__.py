"""Keys and bytes: where objects are kept; nothing here knows what a generation is."""
