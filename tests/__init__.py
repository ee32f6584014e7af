"""Tests. The folders mirror the packages; `simulation`, `crash`, `e2e` and `interop` look at the whole."""
