"""What an operator gets wrong ends in one clear line and an exit code, never in a traceback."""

import shutil
import socket
from pathlib import Path

import pytest

from glasslog.keys import SigningKey
from glasslog_server.keyfiles import write_private_key
from tests.e2e.installed import Installed
from tests.e2e.processes import run

AT_ONCE = {"takeover_wait_s": 0.0}  # nobody is about to end here


def complaint_of(log: Installed, code: int) -> str:
    result = run("serve", "--config", log.config_path)
    assert (result.code, result.out) == (code, "")
    assert result.complaint.startswith("glasslog-server: ")
    return result.complaint


def test_two_servers_on_one_log(log: Installed) -> None:
    log.configure(storage=AT_ONCE)
    with log.serve().ready() as server:
        assert "its lock is held, most likely by a server that runs this log" in complaint_of(log, 3)
        assert server.stop() == 0


def test_a_port_that_is_taken(log: Installed) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        log.configure(http={"listen": f"127.0.0.1:{port}"}, storage=AT_ONCE)
        assert f"cannot listen on 127.0.0.1:{port}" in complaint_of(log, 3)
        log.configure(admin={"listen": f"127.0.0.1:{port}"}, storage=AT_ONCE)
        assert f"cannot listen on 127.0.0.1:{port}" in complaint_of(log, 3)


def test_a_key_that_others_can_read(log: Installed) -> None:
    (log.folder / "log.key").chmod(0o644)
    complaint = complaint_of(log, 2)
    assert "got mode 0644: run chmod 600" in complaint


def test_a_key_that_is_not_there(log: Installed) -> None:
    (log.folder / "log.key").unlink()
    assert "log.key: cannot read the key: No such file or directory" in complaint_of(log, 2)


def test_a_log_key_that_the_policy_does_not_name(log: Installed) -> None:
    (log.folder / "log.key").unlink()
    write_private_key(log.folder / "log.key", SigningKey(bytes(32)))
    assert "expected signing keys that the log's policy names" in complaint_of(log, 2)


def test_another_origin(log: Installed) -> None:
    log.config_path.write_text(log.config_path.read_text().replace("log.example/e2e", "log.example/other"))
    assert "expected the origin log.example/e2e of the store, got log.example/other" in complaint_of(log, 2)


def test_a_store_that_is_not_there(log: Installed) -> None:
    shutil.rmtree(log.folder / "store")
    assert "expected a store at" in complaint_of(log, 1)
    assert not (log.folder / "store").exists()


def test_a_misspelt_key(log: Installed) -> None:
    log.config_path.write_text(
        log.config_path.read_text().replace("[sequencer]", "[sequencer]\nround_intervall_ms = 5")
    )
    expected = 'unknown key "sequencer.round_intervall_ms", did you mean "sequencer.round_interval_ms"?'
    assert complaint_of(log, 2).endswith(expected)


def test_several_mistakes_are_a_line_each(log: Installed) -> None:
    log.config_path.write_text('[http]\nlisten = "x"\n')
    result = run("serve", "--config", log.config_path)
    assert result.code == 2
    assert len(result.err.splitlines()) == 3


def test_no_configuration(tmp_path: Path) -> None:
    result = run("serve", "--config", tmp_path / "none.toml")
    assert (result.code, result.complaint.endswith("cannot read the configuration: No such file or directory")) == (
        2,
        True,
    )


@pytest.mark.parametrize("certificate,key", [("none.pem", "log.key"), ("log.vkey", "log.key")])
def test_a_certificate_that_cannot_be_used(log: Installed, certificate: str, key: str) -> None:
    log.configure(http={"tls_certificate": certificate, "tls_key": key})
    assert "http.tls_certificate" in complaint_of(log, 2)


def test_a_signing_command_that_is_not_there(log: Installed) -> None:
    command = {"command": ["/none/sign"], "public_key": "log.pub.pem"}
    log.configure(keys={"log": [command]})
    assert "log.pub.pem: cannot read the key" in complaint_of(log, 2)


def test_no_operator_key_where_one_is_needed(log: Installed) -> None:
    log.config_path.write_text(log.config_path.read_text().replace("\noperator = ", "\n# operator = "))
    result = run(
        "issuer", "add", "--config", log.config_path, "--issuer", "https://a.example", "--key", log.issuer_key_path
    )
    assert (result.code, "expected keys.operator in the configuration" in result.complaint) == (2, True)


def test_init_where_a_log_is(log: Installed) -> None:
    before = {path: path.stat().st_mtime_ns for path in log.folder.rglob("*")}
    result = run("init", "--dir", log.folder, "--origin", "log.example/other")
    assert (result.code, "expected no log here yet, got one" in result.complaint) == (2, True)
    assert {path: path.stat().st_mtime_ns for path in log.folder.rglob("*")} == before
