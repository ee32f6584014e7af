"""Lines, a webhook and metrics: what comes out of a monitor, and what is not lost when one of them fails."""

import errno
import json
import re
import signal
from collections.abc import Sequence
from pathlib import Path

import pytest
import urllib3

from glasslog.audit.finding import Severity
from glasslog.errors import UncheckableError
from glasslog.monitor.alert import Alert
from glasslog.monitor.following import Follower, Outcome
from glasslog.monitor.metrics import Metrics, serve_metrics
from glasslog.monitor.outlets import Lines, Outlet, Webhook
from glasslog.monitor.rounds import LogWatcher, Round
from glasslog.monitor.stopping import Stop, StoppedError
from tests.verifier.mirror.written_log import WrittenLog, new_log
from tests.verifier.monitor.hooks import Hook
from tests.verifier.monitor.shown import NOW_S, Place, watcher
from tests.verifier.monitor.test_rounds import gap

ALERT = Alert(
    "fork",
    Severity.CRITICAL,
    "log.example",
    'two "trees"\n',
    ("k",),
    subject="é",
    entry_ids=("ab",),
    evidence="/e.fork",
)


class Taking:
    """An outlet that takes alerts, or not."""

    def __init__(self) -> None:
        self.got: list[list[str]] = []
        self.fails = False

    def tell(self, alerts: Sequence[Alert], now_s: float) -> None:
        assert now_s == NOW_S
        if self.fails:
            msg = "cannot reach the webhook"
            raise UncheckableError(msg)
        self.got.append([alert.kind for alert in alerts])


@pytest.fixture
def log() -> WrittenLog:
    return new_log().grow(20)


@pytest.fixture
def place(log: WrittenLog) -> Place:
    shown = Place()
    shown.show(log)
    return shown


def follower(watching: LogWatcher, *outlets: Outlet) -> tuple[Follower, list[str]]:
    complaints: list[str] = []
    return Follower([watching], outlets, Metrics(), lambda: NOW_S, complaints.append), complaints


# ---------------------------------------------------------------------------------------------------------------- lines


def test_a_line_of_json_says_everything_in_ascii() -> None:
    lines: list[str] = []
    Lines(lines.append, as_json=True).tell([ALERT], 1_700_000_000)
    [line] = lines
    assert line.isascii()
    assert json.loads(line) == {
        "time": "2023-11-14T22:13:20.000Z",
        "id": ALERT.id,
        "alert": "fork",
        "severity": "critical",
        "log": "log.example",
        "message": 'two "trees"\n',
        "subject": "é",
        "entry_ids": ["ab"],
        "evidence": "/e.fork",
    }


def test_a_line_for_people_names_the_evidence() -> None:
    lines: list[str] = []
    Lines(lines.append, as_json=False).tell([ALERT], 1_700_000_000)
    assert lines[0].startswith("2023-11-14T22:13:20.000Z critical fork ")
    assert lines[0].endswith("(evidence: /e.fork)")


def test_a_standard_output_that_is_gone_holds_alerts_back() -> None:
    def write(_: str) -> None:
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")

    with pytest.raises(UncheckableError, match="Broken pipe"):
        Lines(write, as_json=True).tell([ALERT], 0)


# -------------------------------------------------------------------------------------------------------------- webhook


def test_a_webhook_gets_one_post() -> None:
    with Hook().running() as hook:
        webhook = Webhook(hook.url)
        webhook.tell([ALERT, ALERT], 0)
        webhook.close()
    assert [[alert["id"] for alert in got["alerts"]] for got in hook.got] == [[ALERT.id] * 2]
    assert hook.headers["Content-Type"] == "application/json"
    assert hook.headers["User-Agent"].startswith("glasslog/")


@pytest.mark.parametrize("status", [302, 404, 500])
def test_a_webhook_that_does_not_take_them_is_named_without_its_path(status: int) -> None:
    with Hook(status).running() as hook:
        webhook = Webhook(hook.url)
        with pytest.raises(UncheckableError, match=rf"the webhook at 127\.0\.0\.1 .* got status {status}") as told:
            webhook.tell([ALERT], 0)
        webhook.close()
    assert len(hook.got) == 1
    assert "secret" not in str(told.value)
    with pytest.raises(UncheckableError, match=r"cannot reach the webhook at 127\.0\.0\.1") as told:
        webhook.tell([ALERT], 0)
    assert "secret" not in str(told.value)


@pytest.mark.parametrize("url", ["", "ftp://host/x", "https://", "hook.example/x"])
def test_a_webhook_has_a_url(url: str) -> None:
    with pytest.raises(UncheckableError, match="expected the URL of a webhook"):
        Webhook(url)


# ------------------------------------------------------------------------------------------------------------ following


def test_an_outlet_that_fails_gets_everything_again_and_the_others_nothing_twice(
    log: WrittenLog, place: Place, tmp_path: Path
) -> None:
    gap(log)
    place.show(log)
    one, other = Taking(), Taking()
    following, complaints = follower(watcher(place, tmp_path, log), one, other)
    other.fails = True
    assert [following.look_once() for _ in range(2)] == [Outcome.COULD_NOT_LOOK] * 2
    assert (one.got, other.got) == ([["stream-gaps"]], [])
    assert complaints == ["https://log.example/: cannot reach the webhook"] * 2
    other.fails = False
    assert following.look_once() is Outcome.ALERTS
    assert following.look_once() is Outcome.QUIET
    assert (one.got, other.got) == ([["stream-gaps"]], [["stream-gaps"]])
    assert 'rounds_total{log="https://log.example/",outcome="failed"} 2' in following.metrics.render()


def test_a_condition_that_ends_while_an_outlet_fails_is_new_when_it_comes_back(
    log: WrittenLog, place: Place, tmp_path: Path
) -> None:
    right = place.files["checkpoint"]
    one, other = Taking(), Taking()
    following, _ = follower(watcher(place, tmp_path, log), one, other)
    place.files["checkpoint"], other.fails = b"strange", True
    following.look_once()
    place.files["checkpoint"], other.fails = right, False
    assert following.look_once() is Outcome.QUIET
    place.files["checkpoint"] = b"strange"
    following.look_once()
    assert (one.got, other.got) == ([["checkpoint"]] * 2, [["checkpoint"]])


def test_a_log_that_could_not_be_looked_at_is_complained_of(log: WrittenLog, place: Place, tmp_path: Path) -> None:
    place.absent = {"everything"}
    following, complaints = follower(watcher(place, tmp_path, log))
    assert following.look_once() is Outcome.COULD_NOT_LOOK
    assert complaints == ["https://log.example/: cannot get an answer from the log"]


def test_it_follows_until_it_is_stopped_or_until_an_alert(
    log: WrittenLog, place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    following, _ = follower(watcher(place, tmp_path, log))

    def wait(_: Stop, seconds: float) -> bool:
        assert seconds == 60
        gap(log)
        place.show(log)
        return False

    monkeypatch.setattr(Stop, "wait", wait)
    assert following.follow(60, until_alert=True) is Outcome.ALERTS
    monkeypatch.setattr(Stop, "wait", lambda *_: True)
    assert following.follow(60) is Outcome.QUIET


def test_a_look_is_cut_off_and_telling_is_not(
    log: WrittenLog, place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gap(log)
    place.show(log)
    watching = watcher(place, tmp_path, log)
    outlet = Taking()
    following, _ = follower(watching, outlet)
    monkeypatch.setattr(outlet, "tell", lambda *_: following.stop.request())
    assert following.follow(60) is Outcome.ALERTS  # told and remembered, and then it ends
    assert following.follow(60) is Outcome.QUIET  # nothing is begun any more
    following, _ = follower(watching, outlet)
    monkeypatch.setattr(place, "checkpoint", following.stop.request)
    assert following.follow(60) is Outcome.QUIET


def test_signals_stop_it_and_the_second_one_is_as_ever() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
    stop = Stop()
    with stop.on_signals(), pytest.raises(StoppedError), stop.may_cut_off():
        signal.raise_signal(signal.SIGINT)
    assert stop.wait(0)
    with Stop().on_signals():
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)] == before


# -------------------------------------------------------------------------------------------------------------- metrics


def test_metrics_keep_to_the_text_format() -> None:
    metrics = Metrics()
    place = 'https://log.example/"\\\n'
    looked = Round("log.example", [ALERT, ALERT], [], clean=True, size=7, head_time_s=1.5)
    metrics.take(place, looked, 100.25)
    metrics.take(place, None, 101.0)
    text = metrics.render()
    sample = re.compile(r'glasslog_monitor_\w+\{\w+="(?:[^"\\\n]|\\["\\n])*"(?:,\w+="(?:[^"\\\n]|\\["\\n])*")*\} \S+')
    lines = text.splitlines()
    assert text.endswith("\n")
    assert all(line.startswith(("# HELP ", "# TYPE ")) or sample.fullmatch(line) for line in lines)
    assert len(lines) == len(set(lines))
    labels = r'log="https://log.example/\"\\\n"'
    for expected in (
        f'glasslog_monitor_alerts_total{{{labels},alert="fork",severity="critical"}} 2',
        f'glasslog_monitor_rounds_total{{{labels},outcome="failed"}} 1',
        f"glasslog_monitor_last_round_timestamp_seconds{{{labels}}} 101.0",
        f"glasslog_monitor_last_ok_timestamp_seconds{{{labels}}} 100.25",
        f"glasslog_monitor_tree_size{{{labels}}} 7",
        "# TYPE glasslog_monitor_alerts_total counter",
    ):
        assert expected in lines


def test_metrics_are_served_on_their_own_address() -> None:
    with serve_metrics(Metrics(), "127.0.0.1", 0) as url:
        answer = urllib3.request("GET", f"{url}?all", retries=False)
        assert (answer.status, answer.data[:6]) == (200, b"# HELP")
        assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        assert urllib3.request("GET", f"{url}/more", retries=False).status == 404
        with (
            pytest.raises(UncheckableError, match="cannot listen"),
            serve_metrics(Metrics(), "127.0.0.1", int(url.split(":")[2].split("/")[0])),
        ):
            pass
