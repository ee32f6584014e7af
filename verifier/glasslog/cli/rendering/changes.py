"""Changes, in words."""

from collections.abc import Mapping
from typing import Final

from glasslog.cli.rendering.words import Fields, Lines, listed, moment, octets, optional, under, yes
from glasslog.counting import counted

_ACTIONS: Final[Mapping[str, str]] = {
    "deploy": "goes into service",
    "rollback": "comes back into service",
    "retrain": "goes into service after a retraining",
    "suspend": "is suspended",
    "retire": "is retired",
}


def deployment(body: Fields) -> Lines:
    """Say which model goes in or out of service, and who allowed it on what ground."""
    yield "Change", f"model {body['model'].hex()} {_ACTIONS[body['action']]} on {moment(body['effective'])}"
    yield from optional(body, previous=("In place of", octets))
    yield "Substantial", yes(body["substantial"])
    yield from optional(body, validation=("Validated by", lambda record: f"evaluation {record.hex()}"))
    approvals = (f"{one['role']}, person {one['who'].hex()}, {moment(one['at'])}" for one in body["approvals"])
    yield from under("Approved by", approvals if body["approvals"] else ["nobody"])
    yield from optional(body, change_ticket=("Ticket", str), notified=("Told", _notified))


def _notified(notified: Fields) -> str:
    return f"{notified['audience']} on {moment(notified['at'])}, {counted(notified['lead_days'], 'days')} ahead"


def subprocessor_change(body: Fields) -> Lines:
    """Say who comes to the data, where, and under which terms."""
    yield "Subprocessor", f"{body['action']} {body['name']} for {body['service']} from {moment(body['effective'])}"
    terms = body["terms"]
    yield "Regions", listed(body["regions"])
    yield "Terms", f"keeps data {counted(terms['retention_days'], 'days')}, training {terms['training_use']}"
    yield "Agreement", octets(terms["dpa_digest"])
    yield from optional(terms, baa_digest=("HIPAA terms", octets))
    yield "Assurance", listed(body["assurance_docs"])
    yield from under("Left open", body["gaps"] or ["nothing is named"])
