"""Versions that matter when a result is to be understood later."""

from importlib.metadata import PackageNotFoundError, version
from platform import python_version

PACKAGES = ("e3gnn-xanes", "torch", "e3nn", "torch-geometric", "numpy", "ase", "vesin")


def package_version(name: str) -> str:
    """Version of an installed distribution; "not installed" if it is not."""
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def describe() -> str:
    """One line a package."""
    lines = [f"{name} {package_version(name)}" for name in PACKAGES]
    return "\n".join([*lines, f"python {python_version()}"])
