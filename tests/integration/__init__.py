import pytest

# Before anything imports them.
for _helper in ("oracle", "desk"):
    pytest.register_assert_rewrite(f"tests.integration.{_helper}")
