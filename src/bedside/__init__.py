"""bedside heals a fleet of machines in an emergency, from your bed. See docs/library.md."""
