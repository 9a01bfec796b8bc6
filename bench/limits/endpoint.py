"""A bare FastAPI endpoint: it reads a lead as JSON, answers as intake does, and stores nothing."""

from __future__ import annotations

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
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), access_log=False, log_config=None, lifespan="off")
