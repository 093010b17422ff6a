"""What the commands print, and HTML pages."""
