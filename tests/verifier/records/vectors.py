"""Write the vectors of records as JSON under tests/vectors/records: `python -m tests.verifier.records.vectors`.

One file for each type, and `envelope.json` for the fields that all records have. They say to other implementations, and
to our own later selves, which payloads are records and which are not. A file holds

- `accepted`: payloads in base64, by name; the first, `base`, has every field that the body may have
- `refused`: what is done to `base`, by name: `cut` of its bytes are taken out at `at`, and `put` (base64) is put there.
  `cddl` tells whether records.cddl says so too; where it does not, the reason is beyond CDDL

Spoiled records that are much longer than the base, such as one with an element too many, are left out here; the tests
make and try them.
"""

import json
from base64 import b64decode, b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from glasslog.records import encode_record
from glasslog.records.record import RECORDS
from tests.verifier.records.examples import OTHER_BODIES, full_record, ordered, plain_record, stripped
from tests.verifier.records.mutations import Mutation, broken, broken_envelope, mutations

FOLDER: Final = Path(__file__).parent.parent.parent / "vectors" / "records"
ENVELOPE: Final = "envelope"
FILES: Final = {f"{name}.json": name for name in sorted({*RECORDS, ENVELOPE})}

_PUT_BYTES_MAX: Final = 512


def rendered(name: str) -> str:
    """Return what a file of vectors has to hold; one case is one line."""
    base, others, spoiled = (envelope if name == ENVELOPE else body)(name)
    accepted = [{"name": "base", "data": _text(base)}]
    accepted += [{"name": other, "data": _text(data)} for other, data in others.items()]
    refused = [case for mutation in spoiled for case in _cases(base, mutation)]
    parts = (
        f'"{key}": [\n' + ",\n".join(json.dumps(case) for case in cases) + "\n]"
        for key, cases in (("accepted", accepted), ("refused", refused))
    )
    return "{\n" + ",\n".join(parts) + "\n}\n"


def body(record_type: str) -> tuple[bytes, dict[str, bytes], Iterator[Mutation]]:
    """Return the base of a type, the other records that are accepted, and what is made of the base."""
    fields = ordered(plain_record(record_type))
    others = {name: plain_record(record_type, other) for name, other in OTHER_BODIES.get(record_type, {}).items()}
    others["with what is required alone"] = stripped(RECORDS[record_type], fields)
    spoiled = (*mutations(RECORDS[record_type], fields, ("body",)), *broken(record_type, fields))
    return encode_record(fields), {name: encode_record(other) for name, other in others.items()}, iter(spoiled)


def envelope(_: str) -> tuple[bytes, dict[str, bytes], Iterator[Mutation]]:
    """Return the same for the fields around the body, of which this one is short."""
    fields = ordered(full_record("outcome"))
    spoiled = (
        mutation
        for mutation in (*mutations(RECORDS["outcome"], fields), *broken_envelope(fields))
        if not mutation.name.startswith("body.")
    )
    return encode_record(fields), {"first of a stream": encode_record(plain_record("outcome"))}, spoiled


def _cases(base: bytes, mutation: Mutation) -> Iterator[dict[str, Any]]:
    at = next((n for n, (a, b) in enumerate(zip(base, mutation.data, strict=False)) if a != b), len(base))
    at = min(at, len(mutation.data))
    after = 0
    while after < min(len(base), len(mutation.data)) - at and base[-1 - after] == mutation.data[-1 - after]:
        after += 1
    put = mutation.data[at : len(mutation.data) - after]
    if len(put) <= _PUT_BYTES_MAX:
        case = {"name": mutation.name, "cddl": mutation.kind.is_in_cddl, "at": at, "cut": len(base) - after - at}
        yield {**case, "put": _text(put)}


def spliced(base: bytes, case: dict[str, Any]) -> bytes:
    """Return the payload that a case of `refused` makes of the base."""
    return base[: case["at"]] + b64decode(case["put"]) + base[case["at"] + case["cut"] :]


def _text(data: bytes) -> str:
    return b64encode(data).decode()


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    for file, vectors_of in FILES.items():
        (FOLDER / file).write_text(rendered(vectors_of))
