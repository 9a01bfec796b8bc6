from baton.routing.tables import make_tables
from baton.runtime.migrate import run_env

run_env(make_tables()[0])
