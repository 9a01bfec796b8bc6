"""Every test of the workspace, whichever distribution it belongs to, gets the fixtures of tests/world."""

pytest_plugins = ["tests.world.plugin", "tests.world.sharing"]
