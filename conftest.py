"""What every test of the workspace can use."""

pytest_plugins = ["tools.testing.databases", "tools.testing.live", "tools.testing.system"]
