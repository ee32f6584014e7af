"""The readable summary of a verified file: who said what about which decision, in the words of the record."""

from glasslog.cli.document import iso_time_of_seconds, json_of
from glasslog.cli.rendering import render
from glasslog.cli.screen import Screen, value_text
from glasslog.counting import counted
from glasslog.records import Record
from glasslog.verify import Shown, said_of


def add_summary(screen: Screen, shown: Shown) -> None:
    """Add what a verified file shows."""
    screen.line("")
    if shown.statement is not None:
        screen.field("Issuer", shown.statement.issuer)
        screen.field("Subject", shown.statement.subject)
    if shown.record is not None:
        add_record(screen, shown.record)
    elif shown.statement is not None:
        screen.field("Content", f"{shown.statement.content_type}, {counted(len(shown.statement.payload), 'bytes')}")
    disclosed = (f"{disclosure.name}: {value_text(json_of(disclosure.value))}" for disclosure in shown.disclosures)
    screen.fields("Disclosed", disclosed)
    screen.fields("Erased", (f"{erased.name}: {said_of(erased)}" for erased in shown.erased))
    closed = [name for name in shown.closed if name not in {erased.name for erased in shown.erased}]
    if closed:
        screen.field("Not disclosed", ", ".join(closed))
    if shown.entry_id is not None:
        place = f" (entry {shown.index})" if shown.index is not None else ""
        screen.field("Entry id", f"{shown.entry_id.hex()}{place}")
    if shown.time is not None:
        screen.field("Logged at", iso_time_of_seconds(shown.time))
    if shown.checkpoint is not None:
        screen.field("Log", f"{shown.checkpoint.origin}, {counted(shown.checkpoint.size, 'entries')}")
    if shown.cosigners:
        screen.field("Cosigned by", ", ".join(shown.cosigners))


def add_record(screen: Screen, record: Record) -> None:
    """Add what a record says, in words."""
    for label, text in render(record):
        screen.field(label, text, style="bold" if label == "Decision" else "")
