"""Addresses to listen on, and the URLs that they are reached by."""

import re
from dataclasses import dataclass
from typing import Final

_ADDRESS: Final = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9.-]+)):([0-9]{1,5})")
_PORT_MAX: Final = 65_535
_EVERYWHERE: Final = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 (recognised here, bound elsewhere)


@dataclass(frozen=True, slots=True)
class ListenAddress:
    """A host name or IP address and a TCP port; port 0 takes one that is free."""

    host: str
    port: int

    def __str__(self) -> str:
        """Return ADDRESS:PORT, an IPv6 address in brackets."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    def url(self, *, tls: bool) -> str:
        """Return the base URL for a client on this machine; an address that means "everywhere" becomes loopback."""
        near = ListenAddress(_EVERYWHERE.get(self.host, self.host), self.port)
        return f"{'https' if tls else 'http'}://{near}"


def parse_listen_address(value: object) -> ListenAddress:
    """Return the address that a text is. Raises ValueError."""
    if isinstance(value, ListenAddress):
        return value
    match = _ADDRESS.fullmatch(value) if isinstance(value, str) else None
    if match is None or int(match[3]) > _PORT_MAX:
        msg = "expected ADDRESS:PORT such as 127.0.0.1:8080 or [::]:8080"
        raise ValueError(msg)
    return ListenAddress(match[1] or match[2], int(match[3]))
