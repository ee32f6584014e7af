"""Limits on everything that is read, each with its reason.

A limit is part of the format: what passes it is refused as malformed before any memory is spent on it. The relations
that the code relies on are checked when the module is imported.
"""

from typing import Final

# Merkle tree (RFC 9162 section 2.1). Sizes and indexes fit a signed 64-bit integer, as in C2SP tlog-tiles.
TREE_SIZE_MAX: Final = 2**63 - 1
PROOF_HASHES_MAX: Final = 63  # the height of the largest tree; tlog-witness says the same

# Entries. tlog-tiles packs an entry behind a 16-bit length.
ENTRY_BYTES_MAX: Final = 65_535
STATEMENT_BYTES_MAX: Final = ENTRY_BYTES_MAX
PAYLOAD_BYTES_MAX: Final = 60_000  # leaves room for the COSE frame within an entry
PROTECTED_BYTES_MAX: Final = 2_048  # iss and sub at their longest, a kid and room for unknown headers
URI_BYTES_MAX: Final = 512  # iss, sub, system: longer than any that is read aloud or typed

# CBOR. Our deepest record is 6 levels; foreign receipts reach 5.
CBOR_DEPTH_MAX: Final = 16
CBOR_ITEMS_MAX: Final = 4_096  # elements of one array or map
TRANSPARENT_STATEMENT_BYTES_MAX: Final = 256 * 1_024  # a statement of full size with several receipts
RECEIPT_BYTES_MAX: Final = 16_384  # 63 hashes are 2 KiB; foreign receipts may carry certificates
RECEIPTS_MAX: Final = 16  # receipts attached to one Transparent Statement

# Signed notes. The specification asks to accept at least 16 signatures and 64 KiB is enough for them post-quantum.
NOTE_BYTES_MAX: Final = 65_536
NOTE_SIGNATURES_MAX: Final = 64  # the log's own, while keys are rotated, and every witness of a large policy
NOTE_SIGNATURES_MIN_ACCEPTED: Final = 16
KEY_NAME_BYTES_MAX: Final = 256
CHECKPOINT_EXTENSION_LINES_MAX: Final = 16

# Trust policies (tlog-policy). The specification asks for 32 logs, 32 witnesses and 32 groups.
POLICY_BYTES_MAX: Final = 1_024 * 1_024  # an ML-DSA-44 key is a line of 1,800 characters
POLICY_ITEMS_MAX: Final = 256  # logs, witnesses, groups, each
POLICY_WITNESSES_MIN_ACCEPTED: Final = 32

# tlog-proof: a checkpoint, 63 base64 lines and the opaque extra line.
TLOG_PROOF_EXTRA_BYTES_MAX: Final = 65_536
TLOG_PROOF_BYTES_MAX: Final = NOTE_BYTES_MAX + 64 * 64 + TLOG_PROOF_EXTRA_BYTES_MAX * 2

# Commitments and disclosures (RECORDS.md section 1). The value is content: a prompt, a document, an image.
SALT_BYTES: Final = 16
COMMITMENTS_MAX: Final = 64  # named commitments of one record
COMMITMENT_NAME_BYTES_MAX: Final = 128
DISCLOSURE_BYTES_MAX: Final = 16 * 1_024 * 1_024
DISCLOSURES_MAX: Final = COMMITMENTS_MAX
DISCLOSURE_FILE_BYTES_MAX: Final = 64 * 1_024 * 1_024

ERASURES_MAX: Final = 256  # erasure records that one verification looks at

# Kept heads: a tree size, a root, the protected header of a receipt, a signature, and their heads.
HEAD_BYTES_MAX: Final = PROTECTED_BYTES_MAX + 128
HEADS_PAGE_MAX: Final = 1_000  # heads in one answer: some 230 KB

# Evidence of a fork: two notes and a path.
FORK_BYTES_MAX: Final = 2 * NOTE_BYTES_MAX + 4_096

# One evidence bundle: statement, proofs, the authority chain and disclosures.
AUTHORITY_CHAIN_MAX: Final = 16  # policy entries a bundle may carry
EVIDENCE_BYTES_MAX: Final = 8 * 1_024 * 1_024  # what a log can answer: everything but the disclosures
BUNDLE_BYTES_MAX: Final = EVIDENCE_BYTES_MAX + DISCLOSURE_FILE_BYTES_MAX

# Static tiles.
TILE_WIDTH: Final = 256
ENTRY_BUNDLE_BYTES_MAX: Final = TILE_WIDTH * (2 + ENTRY_BYTES_MAX)


def _check_relations() -> None:
    """Stop the import when two limits contradict each other."""
    relations = {
        "a statement must fit an entry": STATEMENT_BYTES_MAX <= ENTRY_BYTES_MAX,
        "payload, header and frame must fit a statement": PAYLOAD_BYTES_MAX + PROTECTED_BYTES_MAX + 128
        <= STATEMENT_BYTES_MAX,
        "iss and sub must fit the protected header": 2 * URI_BYTES_MAX + 256 <= PROTECTED_BYTES_MAX,
        "the note limit must allow what the specification demands": NOTE_SIGNATURES_MAX >= NOTE_SIGNATURES_MIN_ACCEPTED,
        "the witnesses that a policy must allow, and the log, must fit a note": NOTE_SIGNATURES_MAX
        > POLICY_WITNESSES_MIN_ACCEPTED,
        "a disclosure must fit a disclosure file": DISCLOSURE_BYTES_MAX < DISCLOSURE_FILE_BYTES_MAX,
        "every part of a bundle must fit it": (AUTHORITY_CHAIN_MAX + 1) * (STATEMENT_BYTES_MAX + TLOG_PROOF_BYTES_MAX)
        + RECEIPT_BYTES_MAX
        < EVIDENCE_BYTES_MAX,
        "a receipt must fit a transparent statement": RECEIPT_BYTES_MAX + STATEMENT_BYTES_MAX
        < TRANSPARENT_STATEMENT_BYTES_MAX,
    }
    for reason, holds in relations.items():
        if not holds:
            msg = f"limits contradict each other: {reason}"
            raise AssertionError(msg)


_check_relations()
