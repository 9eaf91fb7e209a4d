"""What goes wrong later, told beforehand: checks of databases, storage, configuration and recovery."""
