"""Techno OS backend: takes orders and keeps them in Postgres."""

import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from prometheus_client import Counter, Info
from pydantic import BaseModel

from app import orders

VERSION = "1.0.0"
REVISION = os.environ.get("GIT_SHA", "unknown")

BUILD = Info("app_build", "Version and commit that this process runs")
BUILD.info({"version": VERSION, "revision": REVISION})
ORDERS_TAKEN = Counter("orders_taken", "Orders taken by this process")


class Order(BaseModel):
    """What a customer wants."""

    item: str


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    """Prepare the database before the first request."""
    orders.create_schema()
    yield


app = FastAPI(title="Techno OS", version=VERSION, lifespan=lifespan)


@app.get("/")
async def index():
    """Say who answers."""
    return {"service": "techno-os-api", "version": VERSION, "revision": REVISION}


@app.get("/health")
async def health():
    """Liveness, for the health check and for whoever deploys."""
    return {"status": "ok"}


@app.post("/orders", status_code=201)
def take_order(order: Order):
    """Take one order."""
    number = orders.add(order.item)
    ORDERS_TAKEN.inc()
    return {"id": number, "item": order.item}


@app.get("/orders")
def list_orders():
    """How many orders there are."""
    return {"count": orders.count()}


@app.get("/slow")
def slow(seconds: float = 3.0):
    """A request that takes its time, like a report over many orders."""
    time.sleep(min(seconds, 30.0))
    return {"waited": seconds}
