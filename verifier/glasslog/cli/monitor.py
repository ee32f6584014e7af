"""`glasslog monitor`: follow logs, and raise an alert for whatever is wrong."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Final

import click

from glasslog.audit.checks import CHECKS
from glasslog.cli.audit_progress import progress_for
from glasslog.cli.options import JSON_OPTION, LOG_KEY_OPTION, POLICY_OPTION, TOKEN_OPTION, trust_of
from glasslog.cli.screen import printable, write_text
from glasslog.mirror.sync import Trust
from glasslog.monitor.following import Follower, Outcome
from glasslog.monitor.outlets import Lines, Metrics, Outlet, Webhook, serve_metrics
from glasslog.monitor.rounds import LogWatcher, Watch
from glasslog.policy import Policy
from glasslog.sources.static_http import HttpLogSource
from glasslog.vkey import VerifierKey

EXIT_CODES: Final = {Outcome.QUIET: 0, Outcome.ALERTS: 1, Outcome.UNREACHABLE: 3}


def _address(_ctx: click.Context, _parameter: click.Parameter, value: str | None) -> tuple[str, int] | None:
    if value is None:
        return None
    host, _, port = value.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65_535:  # noqa: PLR2004 (the largest port)
        msg = f"expected ADDRESS:PORT, got {value!r}"
        raise click.BadParameter(msg)
    return host.strip("[]"), int(port)


@click.command(short_help="Follow logs, and raise an alert for whatever is wrong.")
@click.option("--log", "urls", metavar="URL", multiple=True, required=True, help="A log's base URL. Repeatable.")
@LOG_KEY_OPTION
@POLICY_OPTION
@TOKEN_OPTION
@click.option(
    "--state",
    type=click.Path(file_okay=False, path_type=Path),
    required=True,
    help="The monitor's own folder: a mirror of each log, and what was told already.",
)
@click.option("--interval", type=click.FloatRange(0.1), default=60.0, show_default=True, help="Seconds between rounds.")
@click.option("--once", is_flag=True, help="Look once and end, for cron and the like.")
@click.option("--exit-on-alert", is_flag=True, help="End after the first round with an alert.")
@click.option("--issuer", "issuers", metavar="URI", multiple=True, help="Watch records of this issuer. Repeatable.")
@click.option("--system", "systems", metavar="URN", multiple=True, help="Watch records of this system. Repeatable.")
@click.option(
    "--decision", "subjects", metavar="URN", multiple=True, help="Tell of every entry about this. Repeatable."
)
@click.option("--checks", metavar="NAME,...", help="Run these checks alone.")
@click.option(
    "--grace",
    "grace_s",
    type=click.FloatRange(0),
    default=60.0,
    show_default=True,
    help="Seconds that a record may be on its way before its absence counts.",
)
@click.option(
    "--stale-after",
    "stale_after_s",
    type=click.FloatRange(1),
    default=86_400.0,
    show_default=True,
    help="Seconds after which a tree head without a successor is told of.",
)
@click.option(
    "--unreachable-after",
    "unreachable_after_s",
    type=click.FloatRange(0),
    default=300.0,
    show_default=True,
    help="Seconds after which a log that does not answer is told of.",
)
@click.option("--webhook", metavar="URL", help="Post alerts here, as JSON.")
@click.option("--metrics-listen", metavar="ADDRESS:PORT", callback=_address, help="Serve Prometheus metrics here.")
@JSON_OPTION
def command(
    *,
    urls: tuple[str, ...],
    log_keys: tuple[VerifierKey, ...],
    policy: Policy | None,
    token: str | None,
    state: Path,
    interval: float,
    once: bool,
    exit_on_alert: bool,
    issuers: tuple[str, ...],
    systems: tuple[str, ...],
    subjects: tuple[str, ...],
    checks: str | None,
    grace_s: float,
    stale_after_s: float,
    unreachable_after_s: float,
    webhook: str | None,
    metrics_listen: tuple[str, int] | None,
    as_json: bool,
) -> int:
    """Follow logs: prove each new checkpoint consistent with the last, audit what is new, and raise alerts.

    Everything that an audit finds is an alert, once; so are a log that goes back, forks, shows what it did not sign,
    signs nothing any more or cannot be had. Evidence is kept in the state folder. It may be killed at any moment. Runs
    until SIGTERM or SIGINT.

    Exit codes: 0 quiet, 1 an alert was raised in the last round, 2 wrong usage, 3 could not look.
    """
    trust = trust_of(log_keys, policy)
    names = tuple(name for name in (checks or "").split(",") if name)
    unknown = sorted(set(names) - CHECKS.keys())
    if unknown:
        msg = f"no check is called {', '.join(unknown)}; there are: {', '.join(CHECKS)}"
        raise click.UsageError(msg)
    watch = Watch(
        frozenset(issuers),
        frozenset(systems),
        frozenset(subjects),
        names,
        grace_s,
        stale_after_s,
        unreachable_after_s,
        len(os.sched_getaffinity(0)),
    )
    metrics = Metrics()
    with ExitStack() as stack:
        progress = stack.enter_context(progress_for(as_json=False))
        watchers = []
        for number, url in enumerate(urls):
            source = stack.enter_context(closing(HttpLogSource(url, token=token)))
            folder = state if len(urls) == 1 else state / f"log-{number}"
            folder.mkdir(parents=True, exist_ok=True)
            watchers.append(LogWatcher(source, folder, Trust(trust.log_keys, policy), watch, progress))
        if metrics_listen is not None:
            stack.callback(serve_metrics(metrics, *metrics_listen).shutdown)
        outlets: list[Outlet] = [Lines(_write_line, as_json=as_json)]
        if webhook is not None:
            outlets.append(Webhook(webhook))
        follower = Follower(watchers, outlets, metrics, time.time, _complain)
        if once:
            return EXIT_CODES[follower.look_once()]
        with _told_to_stop() as stop:
            return EXIT_CODES[follower.follow(interval, stop.wait, until_alert=exit_on_alert)]


@contextmanager
def _told_to_stop() -> Iterator[threading.Event]:
    """Give an event that SIGTERM and SIGINT set; a round under way is finished first."""
    stop = threading.Event()
    before = {number: signal.signal(number, lambda *_: stop.set()) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _write_line(line: str) -> None:
    write_text(printable(line, None) + "\n" if not line.startswith("{") else line + "\n")


def _complain(message: str) -> None:
    click.echo(printable(message), err=True)
