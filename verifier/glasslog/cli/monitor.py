"""`glasslog monitor`: follow logs, and raise an alert for whatever is wrong."""

import os
import sys
import time
from contextlib import ExitStack, closing
from typing import Final

import click

from glasslog.cli.audit_progress import progress_for
from glasslog.cli.ending import resumable
from glasslog.cli.examples import example
from glasslog.cli.monitor_options import Asked, monitor_options
from glasslog.cli.options import trust_of
from glasslog.cli.writing import printable
from glasslog.mirror.progress import Progress
from glasslog.mirror.sync import Trust
from glasslog.monitor.following import Follower, Outcome
from glasslog.monitor.holding import held
from glasslog.monitor.metrics import Metrics, serve_metrics
from glasslog.monitor.outlets import Lines, Outlet, Webhook
from glasslog.monitor.rounds import LogWatcher, folder_for
from glasslog.monitor.watch import Watch
from glasslog.sources.fetching import Patience
from glasslog.sources.static_http import HttpLogSource

EXIT_CODES: Final = {Outcome.QUIET: 0, Outcome.ALERTS: 1, Outcome.COULD_NOT_LOOK: 3}
PATIENCE: Final = Patience(connect_s=10.0, read_s=30.0, answer_s=60.0, tries=3, backoff_s=0.5)
"""A monitor comes again soon: that a log is down is to be known in seconds."""


@click.command(
    short_help="Follow logs, and raise an alert for whatever is wrong.",
    epilog=example(
        "glasslog monitor --log https://log.example --log-key @log.vkey --state ./monitor",
    ),
)
@monitor_options
def command(asked: Asked) -> int:
    """Follow logs: prove each new checkpoint consistent with the last, audit what is new, and raise alerts.

    Everything that an audit finds is an alert, once; so are a log that goes back, forks, shows what it did not sign,
    signs nothing any more or cannot be had. Evidence is kept in the state folder. It may be killed at any moment. Runs
    until SIGTERM or SIGINT.

    Exit codes, of the last round: 0 quiet, 1 an alert was raised, 2 wrong usage, 3 could not look, or what the log
    shows still does not verify.
    """
    trust = Trust(trust_of(asked.log_keys, asked.policy).log_keys, asked.policy)
    metrics = Metrics()
    kept = f"Interrupted: what was mirrored and told is kept in {asked.state}; the same command goes on from there."
    with ExitStack() as stack:
        stack.enter_context(resumable(kept))
        stack.enter_context(held(asked.state))
        progress = stack.enter_context(progress_for(as_json=False))
        watchers = [_watcher(url, asked, trust, progress, stack) for url in dict.fromkeys(asked.urls)]
        outlets = _outlets(asked, stack)
        if asked.metrics_listen is not None:
            _complain(f"metrics at {stack.enter_context(serve_metrics(metrics, *asked.metrics_listen))}")
        follower = Follower(watchers, outlets, metrics, time.time, _complain)
        if asked.once:
            return EXIT_CODES[follower.look_once()]
        with follower.stop.on_signals():
            return EXIT_CODES[follower.follow(asked.interval_s, until_alert=asked.exit_on_alert)]


def _watcher(url: str, asked: Asked, trust: Trust, progress: Progress, stack: ExitStack) -> LogWatcher:
    source = stack.enter_context(closing(HttpLogSource(url, token=asked.token, patience=PATIENCE)))
    watch = Watch(
        frozenset(asked.issuers),
        frozenset(asked.systems),
        frozenset(asked.subjects),
        asked.checks,
        asked.grace_s,
        asked.stale_after_s,
        asked.unreachable_after_s,
        len(os.sched_getaffinity(0)),
    )
    # One log keeps its history when it moves to another URL; several places must not be taken for one another.
    folder = asked.state if len(set(asked.urls)) == 1 else folder_for(asked.state, source.name)
    return LogWatcher(source, folder, trust, watch, progress)


def _outlets(asked: Asked, stack: ExitStack) -> list[Outlet]:
    lines = Lines(_write_line, as_json=asked.as_json)
    if asked.webhook is None:
        return [lines]
    return [lines, stack.enter_context(closing(Webhook(asked.webhook)))]


def _write_line(line: str) -> None:
    """Write a line at once. JSON has nothing in it that does not print, and its backslashes are its own."""
    text = line if line.startswith("{") else printable(line, None)
    encoding = sys.stdout.encoding or "ascii"
    sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding) + "\n")
    sys.stdout.flush()


def _complain(message: str) -> None:
    click.echo(printable(message), err=True)
