"""`garden`, which hears of seeds at a market, waters by the clock, and may be told to step over its fence."""

GARDEN = '''
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from hedgerow_core.application import caused_by
from hedgerow_core.domain import AggregateRoot, DomainEvent, new_id
from hedgerow_core.http import Caller, logged_in
from hedgerow_core.messaging import Schedule
from sqlalchemy import text


class Plant(AggregateRoot[UUID]): ...

@dataclass(frozen=True, slots=True, kw_only=True)
class Grown(DomainEvent):
    kind: str
    at: datetime

class PlantGrownV1(EventContract):
    """Something has grown."""
    event_type: ClassVar[str] = "garden.plant_grown"
    kind: str
    at: datetime

class SoldSeed(BaseModel):
    kind: str

@dataclass(frozen=True, slots=True, kw_only=True)
class Water(Task):
    name: ClassVar[str] = "garden.water"
    tick: datetime

@dataclass(frozen=True, slots=True, kw_only=True)
class Harvest(Task):
    name: ClassVar[str] = "garden.harvest"

def work_of(container):
    return lambda connection: LedgerWork(
        connection, context="garden", clock=container.core.clock(),
        translations={Grown: lambda event: PlantGrownV1(kind=event.kind, at=event.at)})

def grow(kind, at, work):
    plant = Plant(new_id())
    plant.record(Grown(kind=kind, at=at))
    work.saved(plant, version=1)

@hookimpl
def handlers(container):
    clock = container.core.clock()

    async def water(task, work):
        grow("watered", task.tick, work)

    async def harvest(task, work):
        grow("ripe", clock.now(), work)

    return Handlers(
        work=work_of(container),
        tasks=(TaskHandler(task=Water, handle=water), TaskHandler(task=Harvest, handle=harvest)),
        schedules=(Schedule(name="garden.water", cron="0 6 * * *", task=lambda tick: Water(tick=tick)),))

async def sow(event, envelope, work):
    if event.kind == "thistle":
        raise RuntimeError("not in my garden")
    grow(event.kind, envelope.occurred_at, work)
    await work.tasks.enqueue(Harvest(), delay=timedelta(days=90))

@hookimpl
def subscriptions():
    return Subscriptions(
        publishes=(PlantGrownV1,),
        subscribes=(Subscription(name="garden.sow", event="market.seed_sold", model=SoldSeed, handle=sow),))

@hookimpl
def routes(container):
    router = ContextRouter("garden")

    @router.get("/now")
    @authenticated
    async def now(caller: Caller) -> dict[str, datetime | str]:
        async with container.core.database().reading() as connection:
            at = (await connection.execute(text("SELECT now()"))).scalar_one()
        return {"python": container.core.clock().now(), "sql": at, "who": str(caller.subject)}

    @router.get("/shed")
    @permitted("garden:shed:open")
    async def shed() -> str:
        return "open"

    @router.get("/bed")
    @logged_in
    async def bed() -> str:
        return "made"

    return [router]
'''
SHED = 'permissions=(Permission("garden:shed:open", "admin", "Open the shed"),), optional=("market",)'
MARKET = '''
class SeedSoldV1(EventContract):
    """Somebody has bought seeds."""
    event_type: ClassVar[str] = "market.seed_sold"
    kind: str
    price: int

@hookimpl
def subscriptions():
    return Subscriptions(publishes=(SeedSoldV1,))
'''
