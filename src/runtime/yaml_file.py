"""YAML files of plain values: no tags that construct objects, no aliases."""

from pathlib import Path
from typing import Any

import yaml

from ..errors import ConfigError


class _Loader(yaml.SafeLoader):
    """The safe loader without aliases, with which ten short lines become a billion values."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            event = self.peek_event()
            raise yaml.YAMLError(f"line {event.start_mark.line + 1}: an alias, *{event.anchor}")
        return super().compose_node(parent, index)


def read_mapping(path: Path) -> dict[str, Any]:
    """Read a file that holds names with values.

    Raises:
        ConfigError: missing, not YAML of plain values, nested too deeply, or something else.
    """
    if not path.is_file():
        raise ConfigError(f"{path}: no such file")
    try:
        content = yaml.load(path.read_text(encoding="utf-8"), _Loader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())[:200]
        raise ConfigError(f"{path}: not a YAML file of plain values ({reason})") from error
    if not isinstance(content, dict) or not all(isinstance(name, str) for name in content):
        raise ConfigError(f"{path}: expected names with values, found {type(content).__name__}")
    return content
