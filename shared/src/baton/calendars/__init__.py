"""Business time in closed form: `add` and `between` are two bisects over precomputed windows. Pure."""

from baton.calendars.calendar import Calendar, NeverOpens
from baton.calendars.spec import DAYS, Block, CalendarSpec

__all__ = ["DAYS", "Block", "Calendar", "CalendarSpec", "NeverOpens"]
