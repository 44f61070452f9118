"""Settings of all tests."""

from hypothesis import settings

# how long an example takes says more of what else the machine does
settings.register_profile("patient", deadline=None)
# for contrib/release-check: `contrib/test --hypothesis-profile long`
settings.register_profile("long", max_examples=2000, deadline=None)
settings.load_profile("patient")
