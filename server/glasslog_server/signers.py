"""Turn a configuration into what a log is opened with: its signers, its places, its limits."""

from glasslog.keys import Signer
from glasslog_server.config import Config, KeyCommand, KeySource
from glasslog_server.errors import ConfigError
from glasslog_server.keyfiles import CommandSigner, read_private_key, read_public_key
from glasslog_server.log import LogSettings
from glasslog_server.tree_heads import HeadSigner


def open_signer(source: KeySource) -> Signer:
    """Return the signer of a key file or a command. Raises KeyFileError."""
    if isinstance(source, KeyCommand):
        return CommandSigner(source.command, read_public_key(source.public_key), source.timeout_s)
    return read_private_key(source)


def open_head_signer(config: Config) -> HeadSigner:
    """Return what signs the log's tree heads. Raises KeyFileError."""
    return HeadSigner(config.origin, [open_signer(source) for source in config.keys.log])


def open_operator(config: Config) -> Signer:
    """Return the operator's signer. Raises ConfigError when the configuration names none, KeyFileError."""
    if config.keys.operator is None:
        msg = "expected keys.operator in the configuration: only the operator's key signs what is said about the log"
        raise ConfigError(msg)
    return open_signer(config.keys.operator)


def log_settings(config: Config) -> LogSettings:
    """Return what the log is opened with. Raises KeyFileError."""
    storage = config.storage
    return LogSettings(storage.store, storage.guard, open_head_signer(config), config.sequencer.limits())
