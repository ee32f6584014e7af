from types import SimpleNamespace
from typing import Any

import pytest

from glasslog_issuer.demo.vendor import Vendor
from glasslog_issuer.spool.refused import RefusedRecord
from glasslog_issuer.stage.errors import DemoError


def test_of_many_refused_records_the_first_is_told() -> None:
    refused = tuple(RefusedRecord(seq, "Rejected", "no key of this kid", "unknown_key", 0, b"") for seq in range(1_000))
    recorder: Any = SimpleNamespace(flush=lambda _: None, refused=lambda: refused, registered=lambda _: None)
    vendor = Vendor(recorder)
    vendor.records.extend([SimpleNamespace()] * 1_000)  # type: ignore[list-item]
    with pytest.raises(DemoError) as told:
        vendor.registered()
    assert str(told.value) == (
        "expected the log to take all 1000 records, got 0 taken and 1000 refused, "
        "the first because of: Rejected: no key of this kid"
    )
