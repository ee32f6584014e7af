"""What people do about decisions, in words."""

from collections.abc import Callable, Mapping
from typing import Final

from glasslog.cli.rendering.words import Fields, Lines, moment, octets, optional, under
from glasslog.counting import counted

_MODES: Final[Mapping[str, str]] = {"in-loop": "before it took effect", "on-loop": "after it took effect"}


def oversight(body: Fields) -> Lines:
    """Say who looked, for how long, and what they did."""
    yield "Oversight", f"{body['action']} because of {body['reason_code']}, {_MODES[body['mode']]}"
    yield "Reviewer", f"{body['role']}, person {body['reviewer'].hex()}"
    yield from optional(body, second_reviewer=("And", lambda tag: f"person {tag.hex()}"))
    yield "Looked for", f"{body['seconds']} s"


def correspondence(label: str) -> Callable[[Fields], Lines]:
    """Return the rendering of what went out to a person or was opened by one."""

    def render(body: Fields) -> Lines:
        about = f"{body['kind']} " if "kind" in body else ""
        how = f"sent {moment(body['sent'])}" if "sent" in body else f"opened by the person {moment(body['opened'])}"
        yield label, f"{about}{how}, by {body['channel']}"
        yield from optional(
            body, due=("Due", moment), state=("State", str), result=("Result", str), template_digest=("Wording", octets)
        )

    return render


def incident(body: Fields) -> Lines:
    """Say what went wrong, since when, and who was told."""
    serious = "serious" if body["serious"] else "not serious"
    yield "Incident", f"{body['category']}, severity {body['severity']}, {serious}, {body['state']}"
    yield "Touched", f"{counted(body['count'], 'decisions')}"
    yield from optional(body, occurred=("Occurred", moment))
    yield "Known since", moment(body["aware_at"])
    yield from under("Then", body.get("actions", []))
    yield from under("Reported", map(_report, body.get("reports", [])))


def _report(report: Fields) -> str:
    deadline = f", due {moment(report['deadline'])}" if "deadline" in report else ""
    return f"{moment(report['at'])} to {report['to']}{deadline}"
