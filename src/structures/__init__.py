"""Structures: files, absorbers, clusters, graphs."""
