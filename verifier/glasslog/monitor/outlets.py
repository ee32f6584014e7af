"""The ways out of a monitor: lines on standard output, and a webhook.

An outlet that fails holds the round back: nothing is remembered as told that was not told by all. So every alert comes
out of every outlet at least once; whoever gets one twice knows it by its `id`.
"""

import json
from collections.abc import Callable, Sequence
from typing import Final, Protocol
from urllib.parse import urlsplit

import urllib3
from urllib3.util import Timeout

from glasslog import __version__
from glasslog.errors import UncheckableError
from glasslog.moments import iso_time
from glasslog.monitor.alert import Alert

WEBHOOK_TIMEOUT_S: Final = 10.0
_MS_PER_S: Final = 1_000


class Outlet(Protocol):
    """Hands alerts out."""

    def tell(self, alerts: Sequence[Alert], now_s: float) -> None:
        """Hand out the alerts of one round, at least one. Raises UncheckableError: then they count as not told."""
        ...


class Lines:
    """One line for each alert, by a function that writes a line at once."""

    def __init__(self, write: Callable[[str], None], *, as_json: bool) -> None:
        """Take what writes."""
        self._write = write
        self._as_json = as_json

    def tell(self, alerts: Sequence[Alert], now_s: float) -> None:
        """Write the alerts."""
        time = iso_time(int(now_s * _MS_PER_S))
        try:
            for alert in alerts:
                self._write(self._line(alert, time))
        except OSError as error:
            msg = f"cannot write alerts to standard output: {error.strerror}"
            raise UncheckableError(msg) from error

    def _line(self, alert: Alert, time: str) -> str:
        if self._as_json:
            return json.dumps(alert.to_json(time), ensure_ascii=True)
        evidence = "" if alert.evidence is None else f" (evidence: {alert.evidence})"
        return f"{time} {alert.severity:<8} {alert.kind:<18} {alert.log}  {alert.message}{evidence}"


class Webhook:
    """A URL that gets one POST of JSON for each round with alerts, `{"alerts": [...]}`, and answers with a status 2xx.

    Redirects are not followed, and of the answer nothing is read but the status. The path of the URL is often a secret:
    it is never shown.
    """

    def __init__(self, url: str) -> None:
        """Take the URL. Raises UncheckableError for one that is none."""
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            msg = "expected the URL of a webhook, http or https, got something else"
            raise UncheckableError(msg)
        self._url = url
        self._name = f"the webhook at {parts.hostname}"
        timeout = Timeout(total=WEBHOOK_TIMEOUT_S)
        self._pool = urllib3.PoolManager(timeout=timeout, retries=False)

    def tell(self, alerts: Sequence[Alert], now_s: float) -> None:
        """Post the alerts."""
        time = iso_time(int(now_s * _MS_PER_S))
        body = json.dumps({"alerts": [alert.to_json(time) for alert in alerts]}, ensure_ascii=True)
        headers = {"Content-Type": "application/json", "User-Agent": f"glasslog/{__version__}"}
        try:
            answer = self._pool.request(
                "POST", self._url, body=body.encode(), headers=headers, redirect=False, preload_content=False
            )
        except urllib3.exceptions.HTTPError as error:
            msg = f"cannot reach {self._name}: {type(error).__name__}"
            raise UncheckableError(msg) from error
        answer.close()
        if not 200 <= answer.status < 300:  # noqa: PLR2004 (2xx)
            msg = f"expected {self._name} to take the alerts, got status {answer.status}"
            raise UncheckableError(msg)

    def close(self) -> None:
        """Close the connections."""
        self._pool.clear()
