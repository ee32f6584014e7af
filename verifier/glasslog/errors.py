"""The one error tree of the package.

    GlasslogError
    ├── MalformedError            the bytes are not of the format they claim to be
    │   ├── AlgorithmError        a signature algorithm that is not accepted
    │   └── PayloadMissingError   a Signed Statement without its payload
    ├── VerificationError         well formed, but not true
    │   ├── SignatureError        a signature of a known key does not verify
    │   ├── UnknownKeyError       no signature by a key that is trusted for this
    │   ├── ProofError            an inclusion or consistency proof does not lead to the root
    │   ├── QuorumError           too few of the trusted witnesses have cosigned
    │   ├── CommitmentError       a disclosure does not open a commitment of the record
    │   ├── AuthorityError        the signer was not entitled to say this
    │   ├── MismatchError         two parts that must speak of the same thing do not
    │   └── RollbackError         a log shows a tree that is smaller than one it has signed before
    └── UncheckableError          nothing is wrong, but something needed for the check is missing
        └── AbsentError           a source was asked, and does not have it

The three branches never mix: the command line turns them into the exit codes 1 (malformed and false) and 3 (could not
check). Every decoder accepts any bytes or raises `MalformedError`; every `verify_*` function returns or raises from
this tree. A message says what was expected and what was found, and never holds content of a record.
"""

from typing import ClassVar


class GlasslogError(Exception):
    """Be the root of everything that this package raises on purpose.

    `code` is constant for a class: it labels metrics and is the `error` field of JSON output.
    """

    code: ClassVar[str] = "error"


class MalformedError(GlasslogError):
    """Report bytes that are not of the format they claim to be: "expected X, got Y"."""

    code = "malformed"


class AlgorithmError(MalformedError):
    """Report a signature algorithm that is not accepted (SCRAPI: "Bad Signature Algorithm")."""

    code = "bad_algorithm"


class PayloadMissingError(MalformedError):
    """Report a Signed Statement whose payload is detached (SCRAPI: "Payload Missing")."""

    code = "payload_missing"


class VerificationError(GlasslogError):
    """Report something well formed that is not true."""

    code = "unverified"


class SignatureError(VerificationError):
    """Report a signature that does not verify under the key it names."""

    code = "bad_signature"


class UnknownKeyError(VerificationError):
    """Report that no signature was made by a key that is trusted for this purpose."""

    code = "unknown_key"


class ProofError(VerificationError):
    """Report an inclusion or consistency proof that does not lead to the expected root."""

    code = "bad_proof"


class QuorumError(VerificationError):
    """Report a checkpoint that fewer witnesses have cosigned than the policy demands."""

    code = "no_quorum"


class CommitmentError(VerificationError):
    """Report a disclosure that opens none of the record's commitments."""

    code = "bad_commitment"


class AuthorityError(VerificationError):
    """Report a signer that was not entitled to make this statement, or not at that time."""

    code = "no_authority"


class MismatchError(VerificationError):
    """Report two parts of one piece of evidence that do not speak of the same thing."""

    code = "mismatch"


class RollbackError(VerificationError):
    """Report a log that shows a tree smaller than one it has signed before."""

    code = "rollback"


class UncheckableError(GlasslogError):
    """Report that a check could not be made: material is missing, or a source cannot be reached."""

    code = "could_not_check"


class AbsentError(UncheckableError):
    """Report that a source was asked for something and does not have it."""

    code = "absent"
