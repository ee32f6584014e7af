"""A whole record in words: what all records have, and in between what its type says."""

from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Final

from glasslog.cli.document import iso_time
from glasslog.cli.rendering import (
    assurance,
    changes,
    completeness,
    custody,
    decisions,
    people,
    registrations,
    the_log,
)
from glasslog.cli.rendering.words import Fields, Line, Lines, listed, moment, octets, optional, yes
from glasslog.records import Record

LINES_MAX: Final = 100
"""Lines of one record; an inference with a dozen guardrails has 30."""

RENDERINGS: Final[Mapping[str, Callable[[Fields], Lines]]] = {
    "inference-attempt": decisions.inference_attempt,
    "inference": decisions.inference,
    "guardrail-execution": decisions.guardrail_execution,
    "step": decisions.step,
    "outcome": decisions.outcome,
    "model-registration": registrations.model_registration,
    "config-registration": registrations.config_registration,
    "dataset-registration": registrations.dataset_registration,
    "system-registration": registrations.system_registration,
    "deployment": changes.deployment,
    "subprocessor-change": changes.subprocessor_change,
    "evaluation": assurance.evaluation,
    "monitoring": assurance.monitoring,
    "document": assurance.document,
    "assessment": assurance.assessment,
    "oversight": people.oversight,
    "notice": people.correspondence("Notice"),
    "contest": people.correspondence("Contest"),
    "explanation": people.correspondence("Explanation"),
    "incident": people.incident,
    "control-operation": completeness.control_operation,
    "window-seal": completeness.window_seal,
    "coverage-reconciliation": completeness.coverage_reconciliation,
    "access": custody.access,
    "erasure": custody.erasure,
    "log-policy": the_log.log_policy,
    "issuer-registration": the_log.issuer_registration,
}


def render(record: Record) -> list[Line]:
    """Return what a record says, in words. Text of the record is in it as it is: whoever prints it escapes it."""
    lines = _lines(record)
    shown = list(islice(lines, LINES_MAX - 1))
    more = sum(1 for _ in lines)
    return [*shown, ("", f"{more} more lines")] if more else shown


def _lines(record: Record) -> Iterator[Line]:
    yield "Record", f"{record.type} {record.id.hex()}"
    yield "System", f"{record.system} ({record.env})"
    end = f" to {iso_time(record.end)}" if record.end is not None else ""
    yield "Time", iso_time(record.time) + end
    yield from RENDERINGS[record.type](record.body)
    yield "Stream", f"number {record.stream.seq} of {record.stream.id}"
    yield from optional(
        record.fields,
        anchor=("Not before", lambda anchor: f"the log's size {anchor['size']}, root {anchor['root'].hex()}"),
        tenant=("Tenant", octets),
        links=("Links", lambda links: listed(f"{link['rel']} {link['id'].hex()}" for link in links)),
        trace=("Trace", lambda trace: f"{trace['trace_id'].hex()}-{trace['span_id'].hex()}"),
        data_class=("Data", listed),
        retention=("Kept", _retention),
        commitments=("Commits to", listed),
    )


def _retention(retention: Fields) -> str:
    until = f" until {moment(retention['until'])}" if "until" in retention else ""
    hold = f", legal hold: {yes(retention['hold'])}" if "hold" in retention else ""
    return f"{retention['class']}{until}{hold}"
