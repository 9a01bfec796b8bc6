import json
import subprocess
import sys

# What the library says of every country, and how many of its modules were loaded for that of one.
ASK = """
import json, sys
if sys.argv[1] == "whole":
    import holidays.countries
import holidays
from baton.calendars.public import public_holidays
public_holidays("NL", None, ("public",), 2026)
loaded = sum(name.startswith("holidays.countries.") for name in sys.modules)
codes = sorted(holidays.list_supported_countries(include_aliases=False))
print(json.dumps([loaded, {code: sorted(map(str, public_holidays(code, None, ("public",), 2026))) for code in codes}]))
"""


def asked(how: str) -> tuple[int, dict[str, list[str]]]:
    done = subprocess.run([sys.executable, "-c", ASK, how], capture_output=True, text=True, check=True, timeout=120)
    loaded, days = json.loads(done.stdout)
    return loaded, days


def test_countries_loaded_one_by_one_have_the_holidays_they_have_in_the_whole_library() -> None:
    alone, whole = asked("alone"), asked("whole")
    assert alone[1] == whole[1]
    assert len(alone[1]) > 200
    assert alone[0] < 5 < 200 < whole[0]
