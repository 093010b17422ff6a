"""The command, in the process of the tests."""

from src.cli import main


def run(*words):
    """Run the command; return its exit code."""
    return main([str(word) for word in words])


def error_of(capsys):
    """The one error line that the command printed on standard error, without a traceback."""
    text = capsys.readouterr().err
    assert "Traceback" not in text
    assert "Logging error" not in text
    (line,) = [line for line in text.splitlines() if "e3gnn-xanes: error: " in line]
    return line
