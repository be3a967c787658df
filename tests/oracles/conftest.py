"""The references against oracles, on inputs that hypothesis draws: always the same few, unless one asks for more.

HYPOTHESIS_PROFILE=thorough pytest tests/oracles draws hundreds of new ones for each test. It takes some minutes.
"""

import os

from hypothesis import HealthCheck, settings

COMMON = {"deadline": None, "database": None, "suppress_health_check": list(HealthCheck)}
settings.register_profile("quick", derandomize=True, max_examples=12, **COMMON)
settings.register_profile("thorough", max_examples=400, print_blob=True, **COMMON)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))
