"""The main job on real input: a risk model decides about real people, and every decision goes through the log.

The clinical part knows nothing of the log. `cohort` holds the people and `features` what the model sees of them;
`training` fits the `model` and the `guardrails`; `referrals` are the requests that arrive, and `screening` answers each
with one `Decision`. `document` gives models and policies their canonical bytes, and `practice` sets all of that up.

The life of the system: `arrivals` are the people who come, and when; the `clinician` looks at every proposal;
`fairness` compares groups and `drift` those who arrive with those the model knows. `production` goes through all of
that, from the registration of the system to its retraining.

The vendor's part: `evidence` says in the words of evidence records what was decided about a person, `governance` what
the system is and what changed about it; the `vendor` records that and keeps the receipts.

The demo itself: `run` is the way from beginning to end, `outsiders` are those who trust nobody, `forgery` alters
evidence for them. `summary` holds what was found, `command` is the command line. What it is played on, a log and who
tells of it, is in `glasslog_issuer.stage`.

The model is real but it is no medical device: it was trained without the survey's weights and validated by nobody.
"""
