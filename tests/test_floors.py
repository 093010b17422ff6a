"""Rooms of the library import downwards only, in eight floors."""

import ast
from collections import defaultdict

import pytest
from paths import ROOT

FLOORS = 8


def imports(path):
    """Rooms that a module imports, late too; for annotations alone does not count."""
    parts = path.relative_to(ROOT / "src").with_suffix("").parts
    tree = ast.parse(path.read_text(encoding="utf-8"))
    typed = [n for n in ast.walk(tree) if isinstance(n, ast.If) and "TYPE_CHECKING" in ast.dump(n)]
    skipped = {id(inner) for node in typed for inner in ast.walk(node)}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.level and id(node) not in skipped:
            names = [node.module] if node.module else [alias.name for alias in node.names]
            for name in names:
                yield (*parts[: len(parts) - node.level], *name.split("."))[0]


def floors(rooms):
    """Floor of each room, 1 + the highest that it imports; ValueError for a circle."""
    heights = {}

    def height(room, above=()):
        if room in above:
            raise ValueError(f"circle {' > '.join([*above, room])}")
        if room not in heights:
            below = (height(other, (*above, room)) for other in rooms.get(room, ()))
            heights[room] = 1 + max(below, default=0)
        return heights[room]

    return {room: height(room) for room in rooms}


@pytest.fixture(scope="module")
def rooms():
    """Rooms that each room, a folder or a file beside it, imports."""
    found = defaultdict(set)
    for path in (ROOT / "src").rglob("*.py"):
        room = path.relative_to(ROOT / "src").with_suffix("").parts[0]
        if room not in ("__init__", "__main__"):
            found[room] |= set(imports(path)) - {room, "__init__"}
    return dict(found)


def test_rooms_are_in_eight_floors_without_a_circle(rooms):
    assert max(floors(rooms).values()) == FLOORS
    assert rooms["xas"] >= {"errors", "runtime"}


def test_negative_control_an_import_upwards_is_noticed(rooms):
    with pytest.raises(ValueError, match="circle"):
        floors({**rooms, "xas": {*rooms["xas"], "dataset"}})
    assert max(floors({**rooms, "xas": {*rooms["xas"], "structures"}}).values()) > FLOORS
