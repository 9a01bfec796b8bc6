"""A way around FastAPI's solving of dependencies, for the doors through which everything comes."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute

from baton.runtime.http.access import Requires


class LeanRoute(APIRoute):
    """A route whose handler takes the request and who asks, and nothing else, and returns the response.

    Dependencies are solved anew for each request, at the price of all of the handler's own reading; here who asks is
    asked at once. Described and guarded it is like any other route.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return what answers a request. Raises TypeError for a handler that takes something else."""
        dependant, endpoint = self.dependant, self.endpoint
        names = dependant.request_param_name, *(inner.name for inner in dependant.dependencies)
        needs = dependant.dependencies[0].call if len(names) == 2 else None
        others = (dependant.path_params, dependant.query_params, dependant.body_params, dependant.header_params)
        if not isinstance(needs, Requires) or names[0] is None or any(others):
            raise TypeError(f"{self.path} takes more than the request and who asks")
        request_name, who_name = str(names[0]), str(names[1])

        async def answer(request: Request) -> Response:
            given = {request_name: request, who_name: await needs(request)}
            response: Response = await endpoint(**given)
            return response

        return answer
