"""Model files: formats, names, and how they are written."""
