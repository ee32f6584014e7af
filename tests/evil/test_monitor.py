"""The monitor, on a real log that grows, goes down, forks and goes back: each thing is told, once."""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import urllib3

from glasslog_issuer import Client, load_key
from glasslog_issuer.demo.production import SYSTEM
from glasslog_issuer.record import SignedRecord
from tests.evil.auditing import glasslog
from tests.evil.faults import FAULTS, Vendor
from tests.evil.honest import Honest
from tests.evil.liar import Liar
from tests.evil.lies import answering, serving
from tests.issuer.real_log import ISSUER, RealLog
from tests.verifier.monitor.hooks import Hook


@dataclass(frozen=True)
class Clean(Honest):
    """An honest log of honest records."""

    records: list[SignedRecord]

    def look(self, state: Path, *options: str, url: str = "") -> tuple[int, list[dict[str, Any]], str]:
        """Look once. Its production has ended, and its heartbeats with it: that is not what is asked here."""
        return monitor(self, url or self.url, state, "--grace", "3600", *options)


@pytest.fixture
def log(tmp_path: Path) -> Iterator[RealLog]:
    with RealLog(tmp_path / "log") as running:
        yield running


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clean]:
    """Give a log with nothing wrong in it, for tests that read alone."""
    with RealLog(tmp_path_factory.mktemp("clean") / "log") as running:
        records = Vendor(ISSUER, load_key(running.key_path), ()).produce()
        with Client(running.url, log_keys=[running.vkey]) as client:
            list(client.submit_many(signed.statement for signed in records))
        yield Clean(running.url, running.folder, records)


def fill(log: RealLog, *faults: str) -> Honest:
    records = Vendor(ISSUER, load_key(log.key_path), faults).produce()
    with Client(log.url, log_keys=[log.vkey]) as client:
        assert len(list(client.submit_many(signed.statement for signed in records))) == len(records)
    return Honest(log.url, log.folder)


def monitor(honest: Honest, url: str, state: Path, *options: str) -> tuple[int, list[dict[str, Any]], str]:
    """Look once; return the exit code, the alerts and what was complained of."""
    told = glasslog(
        "monitor", "--log", url, "--log-key", honest.vkey_option, "--state", state, "--once", "--json", *options
    )
    return told.code, [json.loads(line) for line in told.out.splitlines()], told.err


def test_a_clean_log_is_quiet_and_stays_so(clean: Clean, tmp_path: Path) -> None:
    for _ in range(2):
        assert clean.look(tmp_path / "state") == (0, [], "")


def test_every_fault_is_told_once(log: RealLog, tmp_path: Path) -> None:
    honest = fill(log, *FAULTS)
    code, alerts, _ = monitor(honest, log.url, tmp_path / "state")
    assert code == 1
    assert sorted(alert["alert"] for alert in alerts) == sorted(
        [
            "stream-gaps",
            "lateness",
            "guardrails",
            "model-changes",
            "providers",
            "heartbeat-gaps",
            "erasures",
        ]
    )
    assert all(alert["entry_ids"] and alert["system"] for alert in alerts)
    assert monitor(honest, log.url, tmp_path / "state") == (0, [], "")


def test_a_duty_towards_a_person_that_is_overdue_is_told_once(log: RealLog, tmp_path: Path) -> None:
    honest = fill(log, "overdue notice")
    asked = ("--checks", "notices", "--grace", "0")
    code, alerts, _ = monitor(honest, log.url, tmp_path / "state", *asked)
    assert (code, [alert["alert"] for alert in alerts]) == (1, ["notices"])
    assert alerts[0]["entry_ids"]
    assert monitor(honest, log.url, tmp_path / "state", *asked) == (0, [], "")


def test_a_fork_is_told_with_its_evidence(clean: Clean, tmp_path: Path) -> None:
    assert clean.look(tmp_path / "state")[0] == 0
    entries = clean.entries()
    entries[40], entries[41] = entries[41], entries[40]
    with Liar(clean.url, serving(clean.forged(entries))) as liar:
        code, alerts, _ = clean.look(tmp_path / "state", url=liar.url)
    assert code == 1
    [alert] = alerts
    assert (alert["alert"], alert["severity"]) == ("fork", "critical")
    shown = glasslog("verify", alert["evidence"], "--log-key", clean.vkey_option)
    assert shown.code == 0, shown.out


def test_a_rollback_is_told(clean: Clean, tmp_path: Path) -> None:
    older = clean.forged(clean.entries()).checkpoint(100)
    assert clean.look(tmp_path / "state")[0] == 0
    with Liar(clean.url, answering("/checkpoint", older)) as liar:
        code, alerts, _ = clean.look(tmp_path / "state", url=liar.url)
    assert (code, [alert["alert"] for alert in alerts]) == (1, ["rollback"])


def test_a_checkpoint_of_somebody_else_is_told_and_kept(clean: Clean, tmp_path: Path) -> None:
    note = clean.get("checkpoint").replace(b"log.dev.example", b"log.dev.exampel")
    with Liar(clean.url, answering("/checkpoint", note)) as liar:
        code, alerts, _ = clean.look(tmp_path / "state", url=liar.url)
        again = clean.look(tmp_path / "state", url=liar.url)
    [alert] = alerts
    assert (code, alert["alert"]) == (1, "checkpoint")
    assert Path(alert["evidence"]).read_bytes() == note
    assert again[:2] == (3, [])


def test_an_empty_log_is_waited_for_and_one_that_is_down_is_told_in_time(log: RealLog, tmp_path: Path) -> None:
    honest = Honest(log.url, log.folder)
    empty = honest.forged([])
    with Liar(log.url, serving(empty)) as liar:
        assert monitor(honest, liar.url, tmp_path / "state") == (0, [], "")
        fill(log)
    log.stop()
    patient = ("--unreachable-after", "3600")
    code, alerts, _ = monitor(honest, log.url, tmp_path / "state", *patient)
    assert (code, alerts) == (3, [])
    code, alerts, _ = monitor(honest, log.url, tmp_path / "state", "--unreachable-after", "0")
    assert (code, [alert["alert"] for alert in alerts]) == (1, ["unreachable"])
    log.start()
    assert monitor(honest, log.url, tmp_path / "state")[0] == 0


def test_an_old_tree_head_is_stale(clean: Clean, tmp_path: Path) -> None:
    forged = clean.forged(clean.entries(), time=1_700_000_000)
    with Liar(clean.url, serving(forged)) as liar:
        _, alerts, _ = clean.look(tmp_path / "state", "--checks", "tree", url=liar.url)
    assert [alert["alert"] for alert in alerts] == ["stale"]


def test_what_is_watched_is_told(clean: Clean, tmp_path: Path) -> None:
    watched = next(signed for signed in clean.records if signed.record.type == "inference")
    code, alerts, _ = clean.look(tmp_path / "state", "--decision", watched.decision)
    about = [signed.statement.leaf_hash.hex() for signed in clean.records if signed.decision == watched.decision]
    assert code == 1
    assert [(alert["alert"], alert["entry_ids"]) for alert in alerts] == [("watched", [entry]) for entry in about]


def test_those_who_watch_one_issuer_and_system_are_told_of_these_alone(log: RealLog, tmp_path: Path) -> None:
    honest = fill(log, "silent model change")
    for number, (issuer, system, told) in enumerate(
        [
            (ISSUER, SYSTEM, ["model-changes"]),
            ("https://somebody-else.example", SYSTEM, []),
            (ISSUER, "urn:example:something-else", []),
        ]
    ):
        watched = ("--issuer", issuer, "--system", system, "--grace", "3600")
        _, alerts, _ = monitor(honest, log.url, tmp_path / str(number), *watched)
        assert [alert["alert"] for alert in alerts] == told
        assert all((alert["issuer"], alert["system"]) == (issuer, system) for alert in alerts)


def test_a_webhook_that_fails_gets_the_alerts_again(log: RealLog, tmp_path: Path) -> None:
    honest = fill(log, "silent model change")
    with Hook(500).running() as hook:
        options = ("--webhook", hook.url)
        code, _, complained = monitor(honest, log.url, tmp_path / "state", *options)
        assert code == 3
        assert "got status 500" in complained
        hook.status = 200
        code, alerts, _ = monitor(honest, log.url, tmp_path / "state", *options)
        assert (code, [alert["alert"] for alert in alerts]) == (1, ["model-changes"])
        assert hook.got[-1] == {"alerts": alerts}
        assert monitor(honest, log.url, tmp_path / "state", *options, "--grace", "3600")[0] == 0
    assert len(hook.got) == 2


def test_it_follows_a_log_until_it_is_told_to_stop(log: RealLog, tmp_path: Path) -> None:
    honest = fill(log)
    command = [sys.executable, "-m", "glasslog", "monitor", "--log", log.url, "--log-key", honest.vkey_option]
    options = ["--state", str(tmp_path / "state"), "--interval", "0.2", "--json", "--metrics-listen", "127.0.0.1:0"]
    with subprocess.Popen([*command, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            address = process.stderr.readline().split()[-1]
            metrics = _scrape(address, "glasslog_monitor_tree_size")
            records = Vendor("https://issuer.dev.example", load_key(log.key_path), ("silent model change",)).produce()
            with Client(log.url, log_keys=[log.vkey]) as client:
                list(client.submit_many(signed.statement for signed in records))
            told = set()
            while "model-changes" not in told:
                told.add(json.loads(process.stdout.readline())["alert"])
            assert 'glasslog_monitor_alerts_total{log="' in _scrape(address, 'alert="model-changes"')
            assert "glasslog_monitor_rounds_total" in metrics
        finally:
            process.terminate()
        assert process.wait(60) in {0, 1}


def _scrape(address: str, wanted: str) -> str:
    """Return the metrics once they say what is wanted."""
    retry = urllib3.Retry(connect=50, backoff_factor=0.1, backoff_max=0.5)
    for _ in range(10_000):
        text = urllib3.request("GET", address, retries=retry, timeout=10).data.decode()
        if wanted in text:
            return str(text)
    pytest.fail(f"waited in vain for {wanted}")
