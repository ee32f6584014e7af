"""The log's key may be behind a command: the server never sees it."""

import sys
from pathlib import Path

import pytest

from glasslog.keys import SigningKey
from glasslog.pem import encode_private_key, encode_public_key
from tests.e2e.client import COSE, Client
from tests.e2e.installed import ORIGIN, Installed
from tests.e2e.processes import run

SIGN = """
import sys
from pathlib import Path
from glasslog.pem import decode_private_key

key = decode_private_key(Path(sys.argv[1]).read_bytes())
sys.stdout.buffer.write(key.sign(sys.stdin.buffer.read()))
"""
KEY = SigningKey(bytes(range(32)))


@pytest.fixture
def vault(tmp_path: Path) -> Path:
    """Make a place for the key that is not the log's, with the program that signs."""
    folder = tmp_path / "vault"
    folder.mkdir()
    (folder / "key.pem").write_bytes(encode_private_key(KEY))
    (folder / "key.pub.pem").write_bytes(encode_public_key(KEY.public_key))
    (folder / "sign.py").write_text(SIGN)
    return folder


@pytest.fixture
def log(tmp_path: Path, vault: Path) -> Installed:
    command = f'["{sys.executable}", "{vault / "sign.py"}", "{vault / "key.pem"}"]'
    key = f'{{ command = {command}, public_key = "{vault / "key.pub.pem"}", timeout_s = 60 }}'
    ports = ["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"]
    made = run("init", "--dir", tmp_path / "log", "--origin", ORIGIN, "--log-key", key, *ports)
    assert made.code == 0, made.err
    log = Installed(tmp_path / "log")
    added = run("issuer", "add", "--config", log.config_path, "--issuer", log.issuer.name, "--key", log.issuer_key_path)
    assert added.code == 0, added.err
    return log


def test_a_command_signs_for_the_log_from_its_creation_on(log: Installed) -> None:
    assert not (log.folder / "log.key").exists()
    assert log.vkey.public_key == KEY.public_key
    with log.serve().ready() as server:
        client = Client(server.url, log.vkey)
        assert client.post(log.issuer.statement()) == 2
        assert client.checkpoint().size == 3
        assert server.stop() == 0
    assert run("fsck", "--config", log.config_path).code == 0


def test_nothing_is_logged_while_the_command_fails(log: Installed, vault: Path) -> None:
    statement = log.issuer.statement()
    with log.serve().ready() as server:
        client = Client(server.url, log.vkey)
        (vault / "key.pem").rename(vault / "away.pem")
        refusal = client.request("POST", "/entries", statement.entry, COSE)
        assert refusal.status == 503
        assert client.checkpoint().size == 2
        (vault / "away.pem").rename(vault / "key.pem")
        failed = server.wait_for("round_failed")
        assert failed is not None
        assert failed["code"] == "signing_failed"
        assert "expected exit code 0, got 1" in failed["error"]
        assert server.wait_for("reopened") is not None
        assert client.post(statement) == 2
        assert server.stop() == 0
    assert KEY.seed.hex() not in "".join(server.said)
