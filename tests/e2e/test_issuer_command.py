"""Who may submit is decided by entries of the log, whether a server runs or not."""

import json
import subprocess
from pathlib import Path

import pytest

from glasslog.keys import SigningKey
from glasslog.pem import encode_public_key
from tests.e2e.client import COSE, Client
from tests.e2e.installed import Installed
from tests.e2e.processes import Result, run, run_here
from tests.simulation.parties import Issuer

NEW = Issuer("https://hospital.example", "hospital")


def public_key_file(folder: Path, issuer: Issuer) -> Path:
    path = folder / "issuer.pub.pem"
    path.write_bytes(encode_public_key(issuer.key.public_key))
    return path


def add(log: Installed, *arguments: str | Path) -> Result:
    key = public_key_file(log.folder, NEW)
    return run_here("issuer", "add", "--config", log.config_path, "--issuer", NEW.name, "--key", key, *arguments)


def listed(log: Installed, *arguments: str) -> list[dict[str, object]]:
    result = run_here("issuer", "list", "--json", "--config", log.config_path, *arguments)
    assert result.code == 0, result.err
    keys: list[dict[str, object]] = json.loads(result.out)
    return keys


def test_a_stopped_log_is_opened_for_one_entry(log: Installed) -> None:
    added = add(log, "--json")
    assert json.loads(added.out) == {
        "action": "register",
        "issuer": NEW.name,
        "kid": NEW.key.public_key.kid.hex(),
        "index": 2,
    }
    [clinic, hospital] = listed(log)
    assert (clinic["issuer"], clinic["registered_at"]) == (log.issuer.name, 1)
    assert (hospital["issuer"], hospital["registered_at"], hospital["revoked_at"]) == (NEW.name, 2, None)
    with log.serve().ready() as server:
        assert Client(server.url, log.vkey).post(NEW.statement()) == 3
        assert server.stop() == 0


def test_a_running_server_takes_registration_and_revocation(log: Installed) -> None:
    kid = NEW.key.public_key.kid.hex()
    with log.serve().ready() as server:
        client = Client(server.url, log.vkey)
        early = client.request("POST", "/entries", NEW.statement().entry, COSE)
        assert (early.status, early.problem) == (400, "unknown_key")
        assert "registered the key" in add(log, "--url", server.url).out
        statement = NEW.statement()
        assert client.post(statement) == 3

        revoked = run_here(
            "issuer", "revoke", "--config", log.config_path, "--url", server.url, "--kid", kid, "--reason", "lost"
        )
        assert (revoked.code, revoked.out) == (0, f"revoked the key {kid} of {NEW.name} in entry 4\n")
        late = client.request("POST", "/entries", NEW.statement().entry, COSE)
        assert (late.status, late.problem) == (400, "no_authority")
        assert client.post(statement) == 3  # what is in the log stays in the log
        [_, hospital] = listed(log, "--url", server.url)
        assert (hospital["kid"], hospital["revoked_at"]) == (kid, 4)
        assert server.stop() == 0
    assert run_here("fsck", "--config", log.config_path).code == 0


def test_a_server_on_its_configured_port_is_found_without_being_told(log: Installed) -> None:
    with log.serve().ready() as server:
        port = server.url.rpartition(":")[2]
        log.configure(http={"listen": f"127.0.0.1:{port}"})
        assert "registered the key" in add(log).out
        assert server.stop() == 0


def test_a_server_on_a_port_of_its_own_choice_has_to_be_named(log: Installed) -> None:
    with log.serve().ready() as server:
        result = add(log)
        assert (result.code, result.complaint.endswith("say its URL with --url")) == (3, True)
        assert server.stop() == 0


def test_the_server_of_another_log_is_not_spoken_to(log: Installed) -> None:
    with log.serve().ready() as server:
        log.config_path.write_text(log.config_path.read_text().replace("log.example/e2e", "log.example/other"))
        result = add(log, "--url", server.url)
        expected = "expected the server of the log log.example/other, got the one of log.example/e2e"
        assert (result.code, result.complaint.endswith(expected)) == (3, True)
        assert server.stop() == 0


def test_no_server_at_the_url(log: Installed) -> None:
    result = add(log, "--url", "http://127.0.0.1:1")
    assert (result.code, "Connection refused" in result.complaint) == (3, True)


def test_a_key_is_valid_from_and_until_the_times_given(log: Installed) -> None:
    assert add(log, "--valid-from", "2026-01-31", "--valid-until", "2027-01-31T08:00:00+01:00").code == 0
    [_, hospital] = listed(log)
    assert (hospital["valid_from"], hospital["valid_until"]) == (1_769_817_600_000, 1_801_378_800_000)
    table = run_here("issuer", "list", "--config", log.config_path).out
    assert "2026-01-31T00:00:00Z" in table
    assert "2027-01-31T07:00:00Z" in table


def test_a_key_that_has_expired_signs_nothing(log: Installed) -> None:
    assert add(log, "--valid-from", "2020-01-01", "--valid-until", "2021-01-01").code == 0
    with log.serve().ready() as server:
        answer = Client(server.url, log.vkey).request("POST", "/entries", NEW.statement().entry, COSE)
        assert (answer.status, answer.problem) == (400, "no_authority")
        assert server.stop() == 0


def test_a_validity_that_ends_before_it_starts_is_refused(log: Installed) -> None:
    result = add(log, "--valid-from", "2026-01-31", "--valid-until", "2026-01-31")
    assert (result.code, "expected --valid-until after --valid-from" in result.err) == (2, True)
    assert len(listed(log)) == 1


def test_a_key_of_the_log_itself_is_refused_as_an_issuers(log: Installed) -> None:
    own = log.folder / "own.pub.pem"
    own.write_bytes(encode_public_key(log.vkey.public_key))
    result = run_here("issuer", "add", "--config", log.config_path, "--issuer", "https://a.example", "--key", own)
    assert (result.code, "expected an issuer's own key, got one of the log" in result.complaint) == (1, True)


def test_what_is_not_registered_cannot_be_revoked(log: Installed) -> None:
    stranger = SigningKey(bytes(32)).public_key.kid.hex()
    unknown = run_here("issuer", "revoke", "--config", log.config_path, "--kid", stranger)
    assert (unknown.code, "see `glasslog-server issuer list`" in unknown.err) == (2, True)
    nonsense = run_here("issuer", "revoke", "--config", log.config_path, "--kid", "abc")
    assert (nonsense.code, "expected --kid as 64 hexadecimal digits" in nonsense.err) == (2, True)
    neither = run_here("issuer", "revoke", "--config", log.config_path)
    assert (neither.code, "expected one of --kid and --key" in neither.err) == (2, True)


def test_a_log_whose_entries_need_a_token_is_no_obstacle(tmp_path: Path) -> None:
    folder = tmp_path / "log"
    made = run_here("init", "--dir", folder, "--origin", "log.example/e2e", "--entries-access", "token")
    assert made.code == 0, made.err
    log = Installed(folder)
    log.configure()
    with log.serve().ready() as server:
        assert "in entry 1" in add(log, "--url", server.url).out
        assert server.stop() == 0


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """Make a certificate for the name under which the world knows the log, which is not 127.0.0.1."""
    path, key = tmp_path / "tls.pem", tmp_path / "tls.key"
    request = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        "2",
    ]
    subprocess.run(
        [*request, "-subj", "/CN=log.example", "-keyout", key, "-out", path], check=True, capture_output=True
    )
    key.chmod(0o600)
    return path, key


def test_a_server_with_tls_is_trusted_by_its_own_certificate(log: Installed, certificate: tuple[Path, Path]) -> None:
    path, key = certificate
    log.configure(http={"tls_certificate": str(path), "tls_key": str(key)})
    with log.serve().ready() as server:
        assert server.url.startswith("https://127.0.0.1:")
        assert "in entry 2" in add(log, "--url", server.url).out
        client = Client(server.url, log.vkey, certificate=path)
        assert client.post(NEW.statement()) == 3
        assert run_here("status", "--config", log.config_path, "--url", server.url).code == 0
        plain = run_here("status", "--config", log.config_path, "--url", server.url.replace("https", "http"))
        assert plain.code == 3
        assert server.stop() == 0


def test_a_tls_key_that_others_can_read_is_refused(log: Installed, certificate: tuple[Path, Path]) -> None:
    path, key = certificate
    key.chmod(0o640)
    log.configure(http={"tls_certificate": str(path), "tls_key": str(key)})
    result = run("serve", "--config", log.config_path)
    assert (result.code, "got mode 0640: run chmod 600" in result.complaint) == (2, True)
