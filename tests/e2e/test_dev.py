"""One command gives a log to develop against."""

import re
import signal
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from glasslog.keys import SigningKey
from glasslog.pem import decode_private_key
from glasslog.vkey import decode_vkey
from tests.e2e.client import Client
from tests.e2e.processes import Server, run
from tests.simulation.parties import Issuer


class DevIssuer(Issuer):
    """Sign with the key that `dev` has left."""

    def __init__(self, folder: Path) -> None:
        super().__init__("https://issuer.dev.example", "dev")
        self.pem = (folder / "issuer.pem").read_bytes()

    @property
    def key(self) -> SigningKey:
        return decode_private_key(self.pem)


def started(folder: Path, *arguments: str) -> tuple[Server, str]:
    """Start `dev` and return it with the line that it prints when it is ready."""
    server = Server(["dev", "--dir", folder, *(arguments or ["--listen", "127.0.0.1:0"])])
    assert server.process.stdout is not None
    line = server.process.stdout.readline()
    assert line, "".join(server.said)
    return server, line


def url_in(line: str) -> str:
    match = re.fullmatch(r"(http://\S+) ready: .*\n", line)
    assert match is not None
    return match[1]


def test_the_first_start_makes_everything_and_the_second_keeps_it(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "dev"
    server, line = started(folder)
    with server:
        vkey = decode_vkey((folder / "log.vkey").read_text().strip())
        issuer = DevIssuer(folder)
        client = Client(url_in(line), vkey)
        first = issuer.statement()
        assert client.post(first) == 2
        assert server.stop() == 0
        assert server.process.stdout is not None
        assert server.process.stdout.read() == ""
    server, line = started(folder)
    with server:
        assert decode_vkey((folder / "log.vkey").read_text().strip()) == vkey
        client = Client(url_in(line), vkey)
        assert client.post(first) == 2
        assert client.post(issuer.statement()) == 3
        assert server.stop() == 0
    assert run("fsck", "--config", folder / "config.toml").code == 0


def test_the_issuers_key_is_what_openssl_reads(tmp_path: Path) -> None:
    server, _ = started(tmp_path / "dev")
    with server:
        path = tmp_path / "dev" / "issuer.pem"
        key = load_pem_private_key(path.read_bytes(), password=None)
        assert isinstance(key, Ed25519PrivateKey)
        assert path.stat().st_mode & 0o777 == 0o600
        assert server.stop() == 0


def test_a_new_issuer_key_is_registered_too(tmp_path: Path) -> None:
    folder = tmp_path / "dev"
    server, _ = started(folder)
    with server:
        assert server.stop() == 0
    (folder / "issuer.pem").unlink()
    server, line = started(folder)
    with server:
        client = Client(url_in(line), decode_vkey((folder / "log.vkey").read_text().strip()))
        assert client.post(DevIssuer(folder).statement()) == 3
        assert server.stop() == 0


@pytest.mark.parametrize("left", ["log.key", "store", "guard"])
def test_an_interrupted_first_start_is_begun_anew(tmp_path: Path, left: str) -> None:
    folder = tmp_path / "dev"
    folder.mkdir()
    (folder / ".creating").write_text(f'["{folder / left}"]')
    (folder / left).write_text("half")
    server, line = started(folder)
    with server:
        assert url_in(line)
        assert server.stop() == 0


def test_the_address_is_the_one_that_was_asked_for(tmp_path: Path) -> None:
    server, line = started(tmp_path / "dev")
    with server:
        assert server.stop() == 0
    port = url_in(line).rpartition(":")[2]
    server, line = started(tmp_path / "dev", "--listen", f"localhost:{port}")
    with server:
        assert url_in(line).endswith(f":{port}")
        assert server.stop() == 0


def test_a_kill_at_the_first_start_does_not_spoil_the_second(tmp_path: Path) -> None:
    folder = tmp_path / "dev"
    server, _ = started(folder)
    with server:
        server.signal(signal.SIGKILL)
        assert server.wait() == -signal.SIGKILL
    server, line = started(folder)
    with server:
        client = Client(url_in(line), decode_vkey((folder / "log.vkey").read_text().strip()))
        assert client.post(DevIssuer(folder).statement()) == 2
        assert server.stop() == 0
