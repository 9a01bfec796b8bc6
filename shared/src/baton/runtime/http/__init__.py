"""What every service's HTTP has in common: problems, bodies, access, pages, and the routes that all of them answer.

`create_app` and `combine` stand in `baton.runtime.http.app`.
"""

from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from baton.runtime.http.access import Principal, ensure_admin_token, login_link, requires, requires_one_of
from baton.runtime.http.bodies import body_of, check_json, errors_of, read_body, read_json
from baton.runtime.http.cursor import next_cursor, read_cursor
from baton.runtime.http.describe import problems
from baton.runtime.http.pages import page
from baton.runtime.http.problem import PROBLEM_JSON, Problem, not_now, problem_response

__all__ = [
    "PROBLEM_JSON",
    "ClientDisconnect",
    "Principal",
    "Problem",
    "Receive",
    "Scope",
    "Send",
    "body_of",
    "check_json",
    "ensure_admin_token",
    "errors_of",
    "login_link",
    "next_cursor",
    "not_now",
    "page",
    "problem_response",
    "problems",
    "read_body",
    "read_cursor",
    "read_json",
    "requires",
    "requires_one_of",
]
