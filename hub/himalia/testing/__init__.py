"""Conformance suites for what can be implemented more than once; they need pytest and pytest-asyncio."""

import pytest

# A failing assertion shows its values here too, as in the tests themselves.
pytest.register_assert_rewrite(
    "himalia.testing.backends", "himalia.testing.service_side", "himalia.testing.storage"
)
