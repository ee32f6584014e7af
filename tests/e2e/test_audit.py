"""An auditor with a real log: several issuers, revocations, a log that grows meanwhile, and audits that are killed."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from glasslog.mirror.state import State
from glasslog.pem import encode_public_key
from tests.e2e.client import Client
from tests.e2e.installed import Installed, install
from tests.e2e.processes import PATIENCE_S, Server, run_here
from tests.simulation.parties import Issuer

HOSPITAL = Issuer("https://hospital.example", "hospital")
BANK = Issuer("https://bank.example", "bank")
BATCH = 500
REPLAYED = ("--checks", "tree,consistency,signature,authority,schema,stream-gaps")


@dataclass(frozen=True)
class Told:
    """How a command has ended."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.out)
        return document


def glasslog(*arguments: object) -> Told:
    done = subprocess.run(
        [sys.executable, "-m", "glasslog", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    return Told(done.returncode, done.stdout, done.stderr)


@dataclass(frozen=True)
class Audited:
    """A running log and how it is audited."""

    log: Installed
    server: Server

    @property
    def arguments(self) -> list[object]:
        return ["--log", self.server.url, "--log-key", self.log.vkey, *REPLAYED]

    def audit(self, state: Path, *more: object) -> Told:
        return glasslog("audit", "--state", state, "--json", *self.arguments, *more)


def register(log: Installed, server: Server, issuer: Issuer, action: str = "add") -> None:
    path = log.folder / f"{issuer.key_name}.pub.pem"
    path.write_bytes(encode_public_key(issuer.key.public_key))
    given = ["--issuer", issuer.name, "--key", path] if action == "add" else ["--kid", issuer.key.public_key.kid.hex()]
    done = run_here("issuer", action, "--config", log.config_path, "--url", server.url, *given)
    assert done.code == 0, done.err


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Audited]:
    """Serve a log of three issuers, one of which is revoked in the middle."""
    log = install(tmp_path_factory.mktemp("audited") / "log")
    with log.serve().ready() as server:
        client = Client(server.url, log.vkey)
        for issuer in (HOSPITAL, BANK):
            register(log, server, issuer)
        for issuer in (log.issuer, HOSPITAL, BANK, log.issuer):
            client.post_all([issuer.statement() for _ in range(BATCH)])
        for _ in range(5):
            client.post(HOSPITAL.statement())
        register(log, server, BANK, "revoke")
        client.post_all([HOSPITAL.statement() for _ in range(BATCH)])
        yield Audited(log, server)


def test_an_honest_log_has_nothing_wrong_whichever_way_it_is_read(audited: Audited, tmp_path: Path) -> None:
    told = audited.audit(tmp_path / "state")
    assert told.code == 0, told.err
    document = told.document
    assert document["replayed"]["entries"] == document["tree"]["size"] == 5 * BATCH + 5 + 5
    assert document["replayed"]["heads"] >= 10
    assert [step["status"] for step in document["steps"]] == ["passed", "skipped", *["passed"] * 4]
    archive = tmp_path / "log.zip"
    assert glasslog("export", "--state", tmp_path / "state", "-o", archive).code == 0
    offline = glasslog(
        "audit", "--archive", archive, "--log-key", audited.log.vkey, "--state", tmp_path / "b", "--json", *REPLAYED
    )
    assert offline.code == 0, offline.err
    assert offline.document["checks"] == document["checks"]
    assert offline.document["tree"] == document["tree"]


def test_an_audit_goes_on_when_the_log_has_grown(audited: Audited, tmp_path: Path) -> None:
    first = audited.audit(tmp_path / "state").document
    Client(audited.server.url, audited.log.vkey).post_all([HOSPITAL.statement() for _ in range(300)])
    second = audited.audit(tmp_path / "state")
    assert second.code == 0, second.err
    assert second.document["replayed"]["entries"] == second.document["tree"]["size"] - first["tree"]["size"] >= 300
    assert len(list((tmp_path / "state/checkpoints").iterdir())) == 2


def killed_at(arguments: list[object], line: int) -> bool:
    """Run an audit and kill it, and nothing else, when it has told so many lines of progress; tell whether it ended."""
    process = subprocess.Popen(
        [sys.executable, "-m", "glasslog", *map(str, arguments)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stderr is not None
    with process:
        for number, _ in enumerate(process.stderr):
            if number == line:
                process.send_signal(signal.SIGKILL)
                break
        process.stderr.read()  # ends when the workers are gone too: they hold the other end
    return process.returncode == 0


@pytest.mark.slow
def test_an_audit_that_is_killed_at_any_moment_goes_on(audited: Audited, tmp_path: Path) -> None:
    state = tmp_path / "state"
    arguments = ["audit", "--state", state, "--json", "--processes", 2, *audited.arguments]
    assert [killed_at(arguments, line) for line in range(2, 13)].count(False) >= 6
    told = audited.audit(state)
    assert told.code == 0, told.err
    whole = audited.audit(tmp_path / "whole")
    assert told.document["checks"] == whole.document["checks"]
    assert told.document["log"] == whole.document["log"]


def test_two_audits_do_not_share_a_state(audited: Audited, tmp_path: Path) -> None:
    state = tmp_path / "state"
    held = State.open(state)
    told = audited.audit(state)
    held.close()
    assert told.code == 3
    assert "in use" in told.err
    assert list((state / "checkpoints").iterdir()) == []
