"""A bug planted in one process: sla-monitor raises for touches with the outcome `moved` while a file is there.

Put on PYTHONPATH as `sitecustomize.py`, which Python imports by itself when it starts.
"""

SITECUSTOMIZE = '''
import sys
from pathlib import Path

FLAG = Path({flag!r})


class Planting:
    """Wraps `decide` as soon as the service's module has been imported by whoever runs it."""

    def find_spec(self, name, path=None, target=None):
        if name != "baton.sla_monitor.service":
            return None
        sys.meta_path.remove(self)
        from importlib.util import find_spec

        spec = find_spec(name)
        execute = spec.loader.exec_module

        def exec_module(module):
            execute(module)
            decide = module.SlaMonitor.decide

            def choking(self, state, books, cause, now):
                if FLAG.exists() and getattr(getattr(cause, "body", None), "outcome", None) == "moved":
                    raise RuntimeError("this touch is planted")
                return decide(self, state, books, cause, now)

            module.SlaMonitor.decide = choking

        spec.loader.exec_module = exec_module
        return spec


sys.meta_path.insert(0, Planting())
'''
