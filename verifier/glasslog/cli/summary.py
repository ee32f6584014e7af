"""The readable summary of a verified file: who said what about which decision, in the words of the record."""

from collections.abc import Iterator, Mapping
from typing import Any

from glasslog.cli.document import iso_time, iso_time_of_seconds, json_of
from glasslog.cli.screen import Screen, value_text
from glasslog.records import Record
from glasslog.verify import Shown


def add_summary(screen: Screen, shown: Shown) -> None:
    """Add what a verified file shows."""
    screen.line("")
    if shown.statement is not None:
        screen.field("Issuer", shown.statement.issuer)
        screen.field("Subject", shown.statement.subject)
    if shown.record is not None:
        _add_record(screen, shown.record)
    elif shown.statement is not None:
        screen.field("Content", f"{shown.statement.content_type}, {len(shown.statement.payload)} bytes")
    disclosed = (f"{disclosure.name}: {value_text(json_of(disclosure.value))}" for disclosure in shown.disclosures)
    screen.fields("Disclosed", disclosed)
    if shown.closed:
        screen.field("Not disclosed", ", ".join(shown.closed))
    if shown.entry_id is not None:
        place = f" (entry {shown.index})" if shown.index is not None else ""
        screen.field("Entry id", f"{shown.entry_id.hex()}{place}")
    if shown.time is not None:
        screen.field("Logged at", iso_time_of_seconds(shown.time))
    if shown.checkpoint is not None:
        screen.field("Log", f"{shown.checkpoint.origin}, {shown.checkpoint.size} entries")
    if shown.cosigners:
        screen.field("Cosigned by", ", ".join(shown.cosigners))


def _add_record(screen: Screen, record: Record) -> None:
    screen.field("Record", f"{record.type} {record.id.hex()}")
    screen.field("System", f"{record.system} ({record.env})")
    end = f" to {iso_time(record.end)}" if record.end is not None else ""
    screen.field("Time", iso_time(record.time) + end)
    if record.type == "inference":
        _add_inference(screen, record.body)
    else:
        for name, value in record.body.items():
            screen.field(name, value_text(json_of(value)))


def _add_inference(screen: Screen, body: Mapping[str, Any]) -> None:
    screen.field("Model", _model(body))
    if "decision" in body:
        screen.field("Decision", _decision(body["decision"]), style="bold")
    screen.field("Status", f"{body['status']}, automation {body['automation']}")
    screen.fields("Guardrails", _guardrails(body["guardrails"]))


def _model(body: Mapping[str, Any]) -> str:
    asked, ran = body["requested_model"], body.get("response_model")
    name = asked if ran in {None, asked} else f"{ran} (asked for {asked})"
    return f"{name}, {body['operation']} by {body['provider']['name']}, {body['model_assurance']}"


def _decision(decision: Mapping[str, Any]) -> str:
    parts = [str(decision["label"])]
    parts.extend(f"{name} {decision[name]}" for name in ("score", "threshold") if name in decision)
    if decision.get("reason_codes"):
        parts.append("because of " + ", ".join(decision["reason_codes"]))
    return ", ".join(parts)


def _guardrails(executions: list[Mapping[str, Any]]) -> Iterator[str]:
    if not executions:
        yield "none ran"
    for execution in executions:
        guardian = execution["guardian"]
        reason = f" because of {execution['reason_code']}" if "reason_code" in execution else ""
        where = f"{execution['target']}, {execution['position']}"
        yield f"{guardian['name']} {guardian['version']} ({where}): {execution['decision']}{reason}"
