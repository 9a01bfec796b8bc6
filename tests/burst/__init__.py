"""Ten thousand leads at once over several routing replicas: `python -m tests.burst`."""
