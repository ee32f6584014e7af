"""Read the configuration file, and check it as a whole before anything is opened.

A key that is not declared is refused by name: a misspelt limit must not pass for the default. Paths are relative to the
folder of the file, so that the folder can be moved.
"""

import tomllib
from pathlib import Path
from typing import Final, Self

from pydantic import Field, ValidationError, model_validator

from glasslog_server.config.mistakes import describe_mistakes
from glasslog_server.config.sections import Admin, Http, Keys, Logs, Origin, Section, Sequencer, Storage
from glasslog_server.errors import ConfigError

CONFIG_BYTES_MAX: Final = 256 * 1_024


class Config(Section):
    """The whole file."""

    origin: Origin = Field(
        description="Name of the log and of its key: its URL without scheme and without a slash at the end. "
        "It is part of every checkpoint and never changes."
    )
    keys: Keys
    storage: Storage = Field(default_factory=dict, validate_default=True)
    http: Http = Field(default_factory=dict, validate_default=True)
    admin: Admin = Field(default_factory=dict, validate_default=True)
    sequencer: Sequencer = Field(default_factory=dict, validate_default=True)
    logs: Logs = Field(default_factory=dict, validate_default=True)

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        for unit in ("entries", "bytes"):
            of_batch, of_round = getattr(self.http, f"batch_{unit}_max"), getattr(self.sequencer, f"round_{unit}_max")
            if of_batch > of_round:
                msg = (
                    f"expected http.batch_{unit}_max of at most sequencer.round_{unit}_max, {of_round}, got {of_batch}"
                )
                raise ValueError(msg)
        if self.http.listen == self.admin.listen and self.http.listen.port:
            msg = f"expected different addresses in http.listen and admin.listen, got {self.http.listen} twice"
            raise ValueError(msg)
        return self


def load_config(path: Path) -> Config:
    """Return the configuration in a file. Raises ConfigError with one line for each mistake."""
    try:
        with path.open("rb") as file:
            data = file.read(CONFIG_BYTES_MAX + 1)
    except OSError as error:
        msg = f"{path}: cannot read the configuration: {error.strerror}"
        raise ConfigError(msg) from error
    if len(data) > CONFIG_BYTES_MAX:
        msg = f"{path}: expected a configuration of at most {CONFIG_BYTES_MAX} bytes"
        raise ConfigError(msg)
    return decode_config(data, path)


def decode_config(data: bytes, path: Path) -> Config:
    """Return the configuration that `data`, the content of the file `path`, is. Raises ConfigError."""
    try:
        table = tomllib.loads(data.decode())
        return Config.model_validate(table, context={"folder": path.absolute().parent})
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        msg = f"{path}: expected TOML: {error}"
        raise ConfigError(msg) from error
    except ValidationError as error:
        raise ConfigError("\n".join(f"{path}: {line}" for line in describe_mistakes(error, Config))) from error
