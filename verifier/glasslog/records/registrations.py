"""The bodies of registrations: models, configurations, datasets and systems, to which later records refer by id."""

from typing import Final

from glasslog.records.parts import DIGEST, MODEL_ASSURANCE, PERIOD, REFERENCES_MAX, SENTENCE_BYTES_MAX, in_order
from glasslog.records.schema import array, closed_map, one_of, open_map, text, token, unsigned, uuid7

MODEL_KINDS: Final = ("weights", "hosted", "classical", "adapter")
CONFIG_KINDS: Final = ("prompt-template", "guardrail-set", "threshold", "routing", "redaction")
ROLES: Final = ("provider", "deployer")
CONTROLS_MAX: Final = 256
ATTRIBUTES_MAX: Final = 32
GROUPS_MAX: Final = 64
GROUP_BYTES_MAX: Final = 64
INTERVAL_S_MAX: Final = 10 * 366 * 86_400  # ten years: longer than any control waits

MODEL_REGISTRATION: Final = closed_map(
    {
        "name": text(),
        "version": text(),
        "kind": one_of(*MODEL_KINDS),
        "publisher": text(),
        "assurance": one_of(*MODEL_ASSURANCE),
    },
    {
        "weights_digest": DIGEST,
        "signing_bundle_digest": DIGEST,
        "base_model": text(),
        "training_data": array(uuid7, REFERENCES_MAX),
        "card_digest": DIGEST,
        "limits_digest": DIGEST,
    },
)
"""A model, and how its identity is known (EU AI Act Annex IV, technical documentation).

`weights_digest` is of the serialised weights, `signing_bundle_digest` of an OpenSSF model-signing bundle, `card_digest`
of the model card, `limits_digest` of the statement of intended use and limits (EU AI Act Article 13). `training_data`
holds the record ids of dataset registrations.
"""

CONFIG_REGISTRATION: Final = closed_map(
    {"kind": one_of(*CONFIG_KINDS), "name": text(), "version": text(), "digest": DIGEST},
    {"previous": uuid7, "guardrails": array(token, REFERENCES_MAX)},
)
"""A configuration by the digest of its document; for a guardrail-set, the guardian ids that must run.

`previous` is the record id of the registration that this one replaces.
"""

DATASET_REGISTRATION: Final = closed_map(
    {
        "name": text(),
        "version": text(),
        "digest": DIGEST,
        "rows": unsigned(),
        "sources": array(text(), REFERENCES_MAX, minimum=1),
        "collection_period": PERIOD,
        "lawful_basis": token,
        "consent": token,
        "labelling": text(),
        "preprocessing_digest": DIGEST,
        "licence": text(),
    },
    {"demographics": open_map(open_map(unsigned(), GROUPS_MAX, text(GROUP_BYTES_MAX)), ATTRIBUTES_MAX)},
)
"""A dataset for training, validation or testing (EU AI Act Article 10: origin, collection, labelling, preparation).

`lawful_basis` answers to GDPR Article 6, `licence` is an SPDX expression or a name, `preprocessing_digest` is of the
code that prepared the rows. `demographics` counts rows by attribute and group, which the examination of bias (Article
10(2)(f)) starts from; groups so small that they point to persons belong together in one.
"""

SYSTEM_REGISTRATION: Final = closed_map(
    {
        "name": text(),
        "purpose": text(SENTENCE_BYTES_MAX),
        "owner": text(),
        "role": one_of(*ROLES),
        "risk_tier": token,
        "regimes": array(token, REFERENCES_MAX),
        "declared_controls": array(
            closed_map(
                {"id": token, "cadence_s": unsigned(INTERVAL_S_MAX, 1), "max_gap_s": unsigned(INTERVAL_S_MAX, 1)},
                relations=[in_order("cadence_s", "max_gap_s")],
            ),
            CONTROLS_MAX,
            distinct="id",
        ),
        "max_lateness_s": unsigned(INTERVAL_S_MAX),
    }
)
"""An AI system: its intended purpose, who answers for it, and what it promises to do without fail.

`role` is that of the owner, provider or deployer (EU AI Act Article 3(3) and (4)). Every declared control sends a
`control-operation` each `cadence_s` seconds and never leaves a gap above `max_gap_s`; no record enters the log later
than `max_lateness_s` after its event. The audit holds the log against these promises.
"""
