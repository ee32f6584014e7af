"""Settings that hold for every test.

Hypothesis profiles: `dev` at the desk, `ci` where the environment says CI, `thorough` by
`pytest --hypothesis-profile=thorough`. A failure prints the example and the `@reproduce_failure` line that repeats it.
No profile knows deadlines: how long an example takes says something of the machine, not of the code.
"""

import os

from hypothesis import HealthCheck, settings

_ALWAYS = settings(deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])

settings.register_profile("dev", _ALWAYS, max_examples=50)
settings.register_profile("ci", _ALWAYS, max_examples=200)
settings.register_profile("thorough", _ALWAYS, max_examples=5_000)
settings.load_profile("ci" if os.environ.get("CI") else "dev")
