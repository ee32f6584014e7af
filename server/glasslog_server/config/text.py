"""Write the commented configuration file of a new log from the declarations in `sections`.

Every key is in the file. Those that keep their default stand behind a `#` with that default, so that a newer version of
the server may know better; what was chosen for this log stands without.
"""

import json
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from glasslog_server.addresses import ListenAddress
from glasslog_server.config.file import Config

TEXT_COLUMNS: Final = 100


def encode_config(chosen: Mapping[str, Any]) -> str:
    """Return the file in which the keys of `chosen`, tables within tables, are set and all others keep their defaults.

    The values are not checked: that is for `decode_config` to do with the result.
    """
    lines = [*_comment("Configuration of a Glasslog log. Paths are relative to the folder of this file."), ""]
    tables = {}
    for name, field in Config.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            tables[name] = field.annotation
        else:
            lines.extend([*_key_lines(name, field, chosen), ""])
    for name, table in tables.items():
        lines.extend([*_comment(table.__doc__ or ""), f"[{name}]", ""])
        for key, field in table.model_fields.items():
            lines.extend([*_key_lines(key, field, chosen.get(name, {})), ""])
    return "\n".join(lines)


def tables_of(value: object) -> Any:  # noqa: ANN401 (what `encode_config` takes)
    """Return what a configuration says as the tables that `encode_config` takes; its paths are absolute."""
    if isinstance(value, BaseModel):
        return {name: tables_of(held) for name, held in value if held is not None}
    return [tables_of(held) for held in value] if isinstance(value, list) else value


def _key_lines(name: str, field: FieldInfo, chosen: Mapping[str, Any]) -> list[str]:
    comment = _comment(field.description or "")
    if name in chosen:
        return [*comment, f"{name} = {_encode_value(chosen[name])}"]
    if field.default is None:
        return [*comment, f"# {name} ="]
    return [*comment, f"# {name} = {_encode_value(field.default)}"]


def _comment(text: str) -> list[str]:
    paragraphs = [textwrap.wrap(" ".join(part.split()), TEXT_COLUMNS) for part in text.strip().split("\n\n")]
    return [f"# {line}" for paragraph in paragraphs for line in paragraph]


def _encode_value(value: object) -> str:
    """Return a value as TOML: the strings, numbers, lists and inline tables that the declarations know."""
    if isinstance(value, Path | ListenAddress):
        return _encode_value(str(value))
    if isinstance(value, Mapping):
        return f"{{ {', '.join(f'{key} = {_encode_value(item)}' for key, item in value.items())} }}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_encode_value, value))}]"
    return json.dumps(value, ensure_ascii=False)  # a JSON string, number or boolean is a TOML one
