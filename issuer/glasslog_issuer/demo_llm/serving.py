"""Serve the model until standard input ends: `python -m glasslog_issuer.demo_llm.serving FILE NAME`.

One thread and no cache of prompts: the same question then gives the same answer, bit by bit, whatever was asked before.
Prints one line with the URL when it is ready. llama.cpp says what it likes on standard error.
"""

import sys
from typing import Final

import xllamacpp

from glasslog_issuer.demo_llm.model import READY

CONTEXT_TOKENS: Final = 1_024


def main(path: str, name: str) -> None:
    """Load a model and serve it under a name, on a free port of this machine."""
    params = xllamacpp.CommonParams()
    params.model.path = path
    params.model_alias = {name}
    params.hostnames = ["127.0.0.1"]
    params.port = 0
    params.n_ctx = CONTEXT_TOKENS
    params.n_parallel = 1
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    params.cache_prompt = False
    params.warmup = False
    params.ui = False
    params.verbosity = 0
    server = xllamacpp.Server(params)
    print(f"{READY}{server.listening_address}", flush=True)  # noqa: T201  the parent reads it
    sys.stdin.read()
    del server


if __name__ == "__main__":
    main(*sys.argv[1:])
