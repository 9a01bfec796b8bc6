from baton.runtime.migrate import run_env
from baton.scoring.store import make_tables

run_env(make_tables()[0])
