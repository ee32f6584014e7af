"""The bodies of `model-registration` and `config-registration`: what later records refer to by id."""

from typing import Final

from glasslog.records.schema import Check, array, closed_map, octets, one_of, text, token, uuid7

MODEL_KINDS: Final = ("weights", "hosted", "classical", "adapter")
CONFIG_KINDS: Final = ("prompt-template", "guardrail-set", "threshold", "routing", "redaction")
REFERENCES_MAX: Final = 64

MODEL_REGISTRATION: Final[Check] = closed_map(
    {
        "name": text(),
        "version": text(),
        "kind": one_of(*MODEL_KINDS),
        "publisher": text(),
        "assurance": one_of("self-asserted", "provider-returned", "digest-measured", "tee-attested"),
    },
    {
        "weights_digest": octets(32),
        "signing_bundle_digest": octets(32),  # of an OpenSSF model-signing bundle
        "base_model": text(),
        "training_data": array(uuid7, REFERENCES_MAX),
        "card_digest": octets(32),
        "limits_digest": octets(32),
    },
)
"""A model and how its identity is known. `weights_digest` is SHA-256 of the serialised weights."""

CONFIG_REGISTRATION: Final[Check] = closed_map(
    {"kind": one_of(*CONFIG_KINDS), "name": text(), "version": text(), "digest": octets(32)},
    {"previous": uuid7, "guardrails": array(token, REFERENCES_MAX)},
)
"""A configuration by the digest of its document; for a guardrail-set, the guardian ids that must run."""
