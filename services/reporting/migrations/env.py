from baton.reporting.tables import metadata
from baton.runtime.migrate import run_env

run_env(metadata)
