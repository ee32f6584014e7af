"""The main job on real input: a risk model decides about real people, and every decision goes through the log.

The clinical part knows nothing of the log. `cohort` holds the people and `features` what the model sees of them;
`training` fits the `model` and the `guardrails`; `referrals` are the requests that arrive, and `screening` answers each
with one `Decision`. `document` gives models and policies their canonical bytes. `evidence` then says in the words of
evidence records what the system is and what it decided.

The model is real but it is no medical device: it was trained without the survey's weights and validated by nobody.
"""
