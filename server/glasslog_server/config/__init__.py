"""The server's configuration: `sections` declares every key, `file` reads it, `text` writes it for a new log."""

from glasslog_server.config.file import Config, decode_config, load_config
from glasslog_server.config.sections import KeyCommand, KeySource
from glasslog_server.config.text import encode_config, tables_of

__all__ = ["Config", "KeyCommand", "KeySource", "decode_config", "encode_config", "load_config", "tables_of"]
