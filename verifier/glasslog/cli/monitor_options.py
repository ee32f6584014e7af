"""The options of `glasslog monitor`, and what they ask for in one object."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import click

from glasslog.audit.checks import CHECKS
from glasslog.cli.options import LOG_KEY_OPTION, POLICY_OPTION, TOKEN_OPTION, StatePath, WebUrl, names_of
from glasslog.policy import Policy
from glasslog.vkey import VerifierKey

_PORT_MAX: Final = 65_535


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the options of one call say. Times are in seconds."""

    urls: tuple[str, ...]
    log_keys: tuple[VerifierKey, ...]
    policy: Policy | None
    token: str | None
    state: Path
    interval_s: float
    once: bool
    exit_on_alert: bool
    issuers: tuple[str, ...]
    systems: tuple[str, ...]
    subjects: tuple[str, ...]
    checks: tuple[str, ...]
    grace_s: float
    stale_after_s: float
    unreachable_after_s: float
    webhook: str | None
    metrics_listen: tuple[str, int] | None
    as_json: bool


def _subjects(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    for value in values:
        if ":" not in value:
            msg = f"expected a URN such as urn:uuid:..., got {value!r}"
            raise click.BadParameter(msg)
    return values


def _address(_: click.Context, __: click.Parameter, value: str | None) -> tuple[str, int] | None:
    if value is None:
        return None
    host, _colon, port = value.rpartition(":")
    if not host or not (port.isascii() and port.isdecimal()) or int(port) > _PORT_MAX:
        msg = f"expected ADDRESS:PORT, got {value!r}"
        raise click.BadParameter(msg)
    return host.strip("[]"), int(port)


def _seconds(name: str, least: float, default: float, text: str) -> Callable[..., Any]:
    return click.option(
        name,
        f"{name[2:].replace('-', '_')}_s",
        type=click.FloatRange(least),
        default=default,
        show_default=True,
        help=text,
    )


_OPTIONS: Final = (
    click.option(
        "--log",
        "urls",
        metavar="URL",
        type=WebUrl(),
        multiple=True,
        required=True,
        help="A log's base URL. Repeatable.",
    ),
    LOG_KEY_OPTION,
    POLICY_OPTION,
    TOKEN_OPTION,
    click.option(
        "--state",
        type=StatePath(),
        required=True,
        help="The monitor's own folder: a mirror of each log, and what was told already.",
    ),
    _seconds("--interval", 0.1, 60.0, "Seconds between rounds."),
    click.option("--once", is_flag=True, help="Look once and end, for cron and the like."),
    click.option("--exit-on-alert", is_flag=True, help="End after the first round with an alert."),
    click.option("--issuer", "issuers", metavar="URI", multiple=True, help="Watch this issuer's records. Repeatable."),
    click.option("--system", "systems", metavar="URN", multiple=True, help="Watch this system's records. Repeatable."),
    click.option(
        "--decision",
        "subjects",
        metavar="URN",
        multiple=True,
        callback=_subjects,
        help="Tell of all entries about this decision or system. Repeatable.",
    ),
    click.option(
        "--checks",
        metavar="NAME,...",
        multiple=True,
        callback=names_of(CHECKS),
        help="Run these checks alone, beside those of the log itself.  [default: all]",
    ),
    _seconds("--grace", 0, 60.0, "Seconds that a record may be on its way before its absence counts."),
    _seconds("--stale-after", 1, 86_400.0, "Seconds after which a tree head without a successor is told of."),
    _seconds("--unreachable-after", 0, 300.0, "Seconds after which a log that does not answer is told of."),
    click.option("--webhook", metavar="URL", type=WebUrl(), help="Post alerts here, as JSON."),
    click.option("--metrics-listen", metavar="ADDRESS:PORT", callback=_address, help="Serve Prometheus metrics here."),
    click.option("--json", "as_json", is_flag=True, help="Print each alert as a line of JSON."),
)


def monitor_options(run: Callable[[Asked], int]) -> Callable[..., int]:
    """Give a command the options, and what they say as one object."""

    @functools.wraps(run)
    def command(**given: Any) -> int:  # noqa: ANN401 (whatever click makes of the options)
        asked = Asked(**given)
        if asked.token is not None and len(asked.urls) > 1:
            msg = "--token-file goes with one --log: a token is for the log that gave it."
            raise click.UsageError(msg)
        return run(asked)

    decorated: Callable[..., int] = command
    for option in reversed(_OPTIONS):
        decorated = option(decorated)
    return decorated
