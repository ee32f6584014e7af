"""What lets absence show, in words."""

from glasslog.cli.rendering.words import Fields, Lines, by_name, listed, optional, span, under
from glasslog.counting import counted


def control_operation(body: Fields) -> Lines:
    """Say how often a control operated."""
    healthy = "healthy" if body["healthy"] else "not healthy"
    yield "Control", f"{body['control']}, {healthy}, operated {counted(body['count'], 'times')}"
    yield "Period", span(body["period"])
    if body["by_status"]:
        yield "By status", by_name(body["by_status"])
    yield from optional(body, exceptions=("Exceptions", listed))


def window_seal(body: Fields) -> Lines:
    """Say how much there is of every stream."""
    yield "Window", span(body)
    yield "Log", f"from size {body['tree_size_start']} to {body['tree_size_end']}"
    yield from under("Streams", map(_stream, body["streams"]) if body["streams"] else ["none"])


def _stream(stream: Fields) -> str:
    if not stream["count"]:
        return f"{stream['id']}: nothing, next number {stream['first_seq']}"
    return (
        f"{stream['id']}: {counted(stream['count'], 'records')}, numbers {stream['first_seq']} to {stream['last_seq']}"
    )


def coverage_reconciliation(body: Fields) -> Lines:
    """Say how the log compares with a counter that is not its own."""
    yield "Compared with", f"{body['source']['counter']} of {body['source']['name']}"
    yield "Window", span(body)
    yield "Matched", str(body["matched"])
    yield "Not recorded", f"{body['observed_unrecorded']} that the counter saw"
    yield "Not counted", f"{body['recorded_unobserved']} that are recorded"
    yield "Left out", f"{body['excluded']} excluded, {body['indeterminate']} indeterminate"
