"""The audit of a whole log: facts of verified entries, a database of them, and named checks over it."""
