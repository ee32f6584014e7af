"""Evidence records and their schema: `record` is the way in, one module for each family of bodies."""

from glasslog.records.log_policy import LogPolicy
from glasslog.records.record import (
    POLICY_RECORD_TYPES,
    RECORD_TYPES,
    SCHEMA_VERSION,
    Record,
    Stream,
    check_record,
    decode_record,
    encode_record,
)

__all__ = [
    "POLICY_RECORD_TYPES",
    "RECORD_TYPES",
    "SCHEMA_VERSION",
    "LogPolicy",
    "Record",
    "Stream",
    "check_record",
    "decode_record",
    "encode_record",
]
