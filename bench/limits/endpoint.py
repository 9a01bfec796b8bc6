"""A bare FastAPI endpoint: it reads a lead as JSON, answers as intake does, and stores nothing.

Fair, because it is what every FastAPI service pays before it does anything: the same server (uvicorn with uvloop and
httptools), routing, JSON both ways with the same serializer, an answer of the same size, and Baton's calmed garbage
collection. A limit, because it asks nobody who they are, checks nothing and writes nothing to disk.
"""

from __future__ import annotations

import gc
import sys
from uuid import uuid4

import orjson
import uvicorn
from fastapi import FastAPI, Request, Response

app = FastAPI(openapi_url=None)


@app.get("/ready")
async def ready() -> str:
    return "yes"


@app.post("/leads", status_code=202)
async def take_lead(request: Request) -> Response:
    body = orjson.loads(await request.body())
    leads = body if isinstance(body, list) else [body]
    receipts = [{"status": "accepted", "lead_id": str(uuid4()), "event_id": str(uuid4())} for _ in leads]
    return Response(orjson.dumps(receipts), 202, media_type="application/json")


if __name__ == "__main__":
    gc.freeze()
    gc.set_threshold(50_000, 50, 100)
    port = int(sys.argv[1])
    uvicorn.run(
        app, host="127.0.0.1", port=port, access_log=False, log_config=None, lifespan="off", server_header=False
    )
