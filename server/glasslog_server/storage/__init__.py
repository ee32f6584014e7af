"""Keep what the log must never lose: the store (entries, tiles, indexes, tree heads) and the guard outside of it.

`store` says what every store promises; `rocks` keeps the promise on disk and `memory` for tests. `guard` holds the last
signed checkpoint where no restored backup of the store can take it back.
"""
