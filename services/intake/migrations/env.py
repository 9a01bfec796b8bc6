from baton.intake.tables import METADATA
from baton.runtime.migrate import run_env

run_env(METADATA)
