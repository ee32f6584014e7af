"""Check a whole log on its own disk: `check_log` re-reads and recomputes everything and reports what it found."""

from glasslog_server.fsck.check import Progress, check_log
from glasslog_server.fsck.findings import Finding, Findings, Kind, Report

__all__ = ["Finding", "Findings", "Kind", "Progress", "Report", "check_log"]
