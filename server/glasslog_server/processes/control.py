"""The line between the supervisor and a process that it started: one order down, a few reports up, JSON a line.

It is a socket pair, and its end is news as well: a process whose supervisor is gone ends itself.
"""

import asyncio
import contextlib
import json
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, Self

from glasslog_server.config import Config, decode_config, encode_config, tables_of
from glasslog_server.errors import ConfigError, LinkError

LINE_BYTES_MAX: Final = 1_024 * 1_024
CONNECTIONS: Final = "connections"
"""The name of the table of connections in the folder of a running server."""

Role = Literal["sequencer", "worker"]


@dataclass(frozen=True, slots=True)
class Order:
    """What a process is to be.

    `listening` are the descriptors of the public address, which it was given; `cell` is where it tells how many
    connections it has.
    """

    role: Role
    name: str
    slot: int
    workers: int
    runtime: str
    cell: int
    listening: tuple[int, ...]
    config: Config

    @property
    def link_path(self) -> Path:
        """Return where the link is."""
        return Path(self.runtime) / "link"

    @property
    def connections_path(self) -> Path:
        """Return where the table of connections is."""
        return Path(self.runtime) / CONNECTIONS

    def encode(self) -> bytes:
        """Return the line."""
        table = {
            "role": self.role,
            "name": self.name,
            "slot": self.slot,
            "workers": self.workers,
            "runtime": self.runtime,
            "cell": self.cell,
            "listening": list(self.listening),
            "config": encode_config(tables_of(self.config)),
        }
        return json.dumps(table).encode() + b"\n"

    @classmethod
    def decode(cls, line: bytes) -> Self:
        """Return the order. Raises LinkError."""
        try:
            table = json.loads(line)
            config = decode_config(table.pop("config").encode(), Path("/"))
            return cls(**{**table, "listening": tuple(table["listening"])}, config=config)
        except (ConfigError, ValueError, TypeError, KeyError, AttributeError) as error:
            msg = f"expected an order from the supervisor: {error}"
            raise LinkError(msg) from error


class ChildControl:
    """The end of the process that was started."""

    def __init__(self, descriptor: int) -> None:
        """Take the descriptor that was inherited."""
        self._socket = socket.socket(fileno=descriptor)

    def read_order(self) -> Order:
        """Wait for the order. Raises LinkError when the supervisor is gone."""
        with self._socket.makefile("rb") as lines:
            return Order.decode(lines.readline(LINE_BYTES_MAX))

    def report(self, state: str, **more: Any) -> None:  # noqa: ANN401 (what JSON can say)
        """Tell the supervisor; when it is gone there is nobody to tell."""
        try:
            self._socket.sendall(json.dumps({"state": state, **more}).encode() + b"\n")
        except OSError:
            return

    def close(self) -> None:
        """Close the line: the supervisor will hear nothing more."""
        self._socket.close()

    def is_abandoned(self) -> bool:
        """Return whether the supervisor is gone."""
        try:
            return not self._socket.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False
        except OSError:
            return True

    async def wait_abandoned(self) -> None:
        """Wait until the supervisor is gone."""
        self._socket.setblocking(False)
        with contextlib.suppress(OSError):  # it was killed before it had read all reports
            while await asyncio.get_running_loop().sock_recv(self._socket, 1):
                pass
