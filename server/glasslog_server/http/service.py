"""Hold what the handlers work with: made once when the front end starts, shared by all requests."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from glasslog_server.admission import Admission
from glasslog_server.http.access import Access
from glasslog_server.http.bodies import BodyReader
from glasslog_server.http.settings import HttpSettings
from glasslog_server.metrics import Metrics
from glasslog_server.operator_entries import OperatorEntries
from glasslog_server.served_log import ServedLog


@dataclass(frozen=True, slots=True)
class Service:
    """One log and what its front end needs around it."""

    log: ServedLog
    metrics: Metrics
    settings: HttpSettings
    admission: Admission
    access: Access
    bodies: BodyReader
    operator_entries: OperatorEntries

    @classmethod
    def of(
        cls, log: ServedLog, metrics: Metrics, settings: HttpSettings, clock: Callable[[], float] = time.time
    ) -> "Service":
        """Put a front end's parts together around an open log. `clock` gives POSIX seconds."""
        return cls(
            log=log,
            metrics=metrics,
            settings=settings,
            admission=Admission(lambda: log.authority, clock),
            access=Access(lambda: log.authority.policy.entries_access, settings.tokens),
            bodies=BodyReader(seconds_max=settings.body_s, bytes_max=settings.bodies_bytes_max),
            operator_entries=OperatorEntries(),
        )
