"""Which other records a record refers to: ids in its body and in its links, each with the part that it plays."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from glasslog.records import Record


@dataclass(frozen=True, slots=True)
class Reference:
    """A record id, 16 bytes, and the part that the record plays for the one that names it, in its body or by a link."""

    role: str
    id: bytes
    is_link: bool = False

    def told(self, by: str) -> str:
        """Return the part in words; `by` is what the record is called that names it."""
        return f"what {by} links to as {self.role}" if self.is_link else f"the {self.role} of {by}"


_BODY_FIELDS: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        "inference": {"model": "model", "config": "configuration"},
        "model-registration": {"training_data": "training data"},
        "deployment": {"model": "model", "validation": "validation"},
        "evaluation": {"model": "model", "dataset": "dataset"},
    }
)
"""By type, the fields whose ids are followed. `previous` of a deployment or a configuration is history: it is named,
and not followed."""


def references_of(record: Record) -> Iterator[Reference]:
    """Yield what a record refers to, in the order of its fields."""
    for name, role in _BODY_FIELDS.get(record.type, {}).items():
        value = record.body.get(name)
        for record_id in value if isinstance(value, list) else [value]:
            if isinstance(record_id, bytes):
                yield Reference(role, record_id)
    for link in record.fields.get("links", []):
        yield Reference(link["rel"], link["id"], is_link=True)


def uuid_text(record_id: bytes) -> str:
    """Return a record id as a UUID is written (RFC 9562 section 4)."""
    text = record_id.hex()
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))
