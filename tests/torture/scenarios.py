"""All scenarios by name, and the failures that are part of every sample."""

import getting
import serving
import syncing

SCENARIOS = {**getting.SCENARIOS, **serving.SCENARIOS, **syncing.SCENARIOS}
# (scenario, failure) that once went wrong.
ALWAYS = [
]
