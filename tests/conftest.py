"""Settings of all tests."""

from hypothesis import settings

# for contrib/release-check: `contrib/test --hypothesis-profile long`
settings.register_profile("long", max_examples=2000, deadline=None)
