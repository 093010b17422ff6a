"""The command, in the process of the tests."""

from src.cli import main


def run(*words):
    """Run the command; return its exit code."""
    return main([str(word) for word in words])
