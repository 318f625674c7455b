"""`garden`, which is to move, and `market`, which stays: one violation of each kind, and next to it what is none.

Each line that a plan has to find ends in `# ! kind`: so a test knows the place of every one, and finds no other.
"""

from __future__ import annotations

import re
from pathlib import Path
from textwrap import dedent

MARK = re.compile(r"# ! (\w+)")

IMPORTS = """
    import importlib
    from typing import TYPE_CHECKING

    import try_market.plugin  # ! import
    from try_market import prices  # ! import
    from try_garden import plugin

    if TYPE_CHECKING:
        from try_market.prices import Price  # ! import


    def late():
        import try_market.prices  # ! import
        importlib.import_module("try_market.prices")  # ! import
        importlib.import_module("json")
        return __import__("try_market")  # ! import
"""
MODELS = """
    from sqlalchemy import Column, ForeignKey, Integer, MetaData, Table

    MARKET = "market"
    own = Table("beds", MetaData(), Column("a", ForeignKey("rows.id")), schema="garden")
    beds = Table(
        "beds",
        MetaData(),
        Column("stall", ForeignKey("market.stalls.id")),  # ! foreign_table_in_code
        Column("row", ForeignKey("garden.rows.id")),
    )
    stalls = Table("stalls", MetaData(), Column("id", Integer), schema=MARKET)  # ! foreign_table_in_code


    class Model:
        __table_args__ = {"schema": "market"}  # ! foreign_table_in_code
"""
STATEMENTS = '''
    """SELECT * FROM market.stalls is what this module must not say."""

    from sqlalchemy import text

    SCHEMA = "market"
    JOINED = text(
        """
        SELECT b.id FROM beds b
        JOIN market.stalls s ON s.id = b.stall  -- # ! foreign_table_in_code
        """
    )
    WRITTEN = f"DELETE FROM {SCHEMA}.stalls WHERE id = :id"  # ! foreign_table_in_code
    PIECE = "SELECT 1 " + "FROM market.stalls"  # ! foreign_table_in_code
    COUNTED = "SELECT nextval('market.numbers')"  # ! foreign_table_in_code
    CALLED = "SELECT market.price_of(1)"  # ! foreign_table_in_code
    LOCKED = "LOCK TABLE market.stalls IN SHARE MODE"  # ! foreign_table_in_code
    LOOKED = "SET search_path TO garden, market"  # ! foreign_table_in_code
    BLOCK = """
        DO $$ BEGIN
            PERFORM 1 FROM market.stalls;  -- # ! foreign_table_in_code
        END $$
    """

    ALIAS = "SELECT market.name FROM stalls market"
    SAID = "SELECT 'market.stalls' AS words"
    QUERY = "market.get_price"
    OWN = "SELECT * FROM garden.beds"
    PROSE = "The market.stalls are elsewhere"
'''
MIGRATION = """
    from alembic import op

    def upgrade():
        op.execute("CREATE TABLE beds (id int PRIMARY KEY, stall int)")
        op.create_foreign_key("fk", "beds", "stalls", [], [], referent_schema="market")  # ! foreign_table_in_code
        op.execute("ALTER TABLE beds ADD FOREIGN KEY (a) REFERENCES market.stalls")  # ! foreign_table_in_code
"""
ASKING = """
    class Prices:
        async def price_of(self, kind):
            return await self.questions.ask("market.get_price", {"kind": kind}, as_=dict)

        async def both(self, kind):  # the first of them is where it is told
            first = await self.questions.ask("market.get_price", {"kind": kind}, as_=dict)  # ! many_questions
            return first, await self.questions.ask("market.get_stall", {"kind": kind}, as_=dict)


    async def basket(questions, prices, kinds):
        for kind in await questions.ask("market.get_kinds", {}, as_=dict):  # ! many_questions
            await prices.price_of(kind)  # ! question_in_loop
        while kinds:
            await questions.ask("market.get_price", {}, as_=dict)  # ! question_in_loop


    async def at_once(questions, bus, kinds):
        await bus.ask(kinds)
        [await questions.ask("garden.own", {}) for kind in kinds]
        return [await questions.ask("market.get_price", {}) for _kind in kinds]  # ! question_in_loop
"""
PEEK = """
    import sqlalchemy
    from try_garden.plugin import manifest  # ! import

    ROWS = sqlalchemy.text("SELECT * FROM garden.beds")  # ! foreign_table_in_code
    GARDEN = sqlalchemy.text("SELECT * FROM market.stalls")
    __import__("try_garden.plugin")  # ! import
"""
ROUTES = """
    BUY = "https://shop.example/v1/market/stalls?open=1"  # ! foreign_route_in_code
    OWN = "/v1/garden/beds"
    ALIKE = "/v1/market_research and /v2/market"
"""
RAW = """
    -- FROM market.stalls is only said here
    SELECT id FROM beds;
    DELETE FROM market.stalls;  -- # ! foreign_table_in_code
"""
GARDEN = {
    "imports.py": IMPORTS,
    "models.py": MODELS,
    "statements.py": STATEMENTS,
    "migrations/versions/0001_beds.py": MIGRATION,
    "asking.py": ASKING,
    "routes.py": ROUTES,
    "queries/clean.sql": RAW,
}
MARKET = {"prices.py": "Price = int\n", "peek.py": PEEK}
GARDEN_PLUGIN = '''
from typing import Annotated
from pydantic import SecretStr
from hedgerow_core.domain import Secret
from hedgerow_core.questions import Question

@dataclass(frozen=True)
class MailAddress:
    host: str
    password: Secret | None = None

class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="GARDEN_", arbitrary_types_allowed=True)
    fence: str = "low"
    colour: str = "green"
    gate_key: Annotated[SecretStr | None, "…"] = None
    mail: MailAddress | None = None
    weather: str | None = Field(default=None, validation_alias="WEATHER")

class Price(BaseModel):
    cents: int

class Sold(BaseModel):
    kind: str

class GrownV1(EventContract):
    """Something has grown."""
    event_type: ClassVar[str] = "garden.grown"
    kind: str

@dataclass(frozen=True, slots=True, kw_only=True)
class Water(Task):
    name: ClassVar[str] = "garden.water"

async def nothing(*_arguments): ...

@hookimpl
def manifest():
    return Manifest(name="garden", version="1.0", core_api=">=0.1,<0.2", settings=Settings, requires=("market",),
        permissions=(Permission("garden:bed:dig", "user", "Dig."),))

@hookimpl
def handlers(container):
    return Handlers(work=lambda connection: None, tasks=(TaskHandler(task=Water, handle=nothing),),
        asks=(Question("market.get_price", Price, required=True),))

@hookimpl
def subscriptions():
    return Subscriptions(publishes=(GrownV1,), subscribes=(
        Subscription(name="garden.plant_what_sells", event="market.sold", model=Sold, handle=nothing),))

@hookimpl
def routes(container, bus):
    router = ContextRouter("garden")

    @router.get("/beds")
    @authenticated
    async def beds() -> list[str]:
        return []

    return [router]
'''
MARKET_PLUGIN = '''
from hedgerow_core.application import Query, QueryHandler
from hedgerow_core.questions import AnswerContract, PublishedQuery, QueryContract
from hedgerow_core.security import TokenIssuer

class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="MARKET_")
    weather: str | None = Field(default=None, validation_alias="WEATHER")

class SoldV1(EventContract):
    """Something was sold."""
    event_type: ClassVar[str] = "market.sold"
    kind: str

@dataclass(frozen=True, slots=True, kw_only=True)
class LookUp(Query[int]):
    kind: str

class PriceV1(AnswerContract):
    cents: int

class GetPriceV1(QueryContract):
    """A price."""
    query_name: ClassVar[str] = "market.get_price"
    answer: ClassVar[type[AnswerContract]] = PriceV1
    kind: str

async def look_up(query):
    return 1

async def no_key(key_id):
    return None

@hookimpl
def manifest():
    return Manifest(name="market", version="1.0", core_api=">=0.1,<0.2", settings=Settings)

@hookimpl
def handlers(container):
    return Handlers(work=lambda connection: None, queries=(QueryHandler(LookUp, look_up),), answers=(
        PublishedQuery(contract=GetPriceV1, query=LookUp, ask=lambda a: LookUp(kind=a.kind),
            answer=lambda cents: PriceV1(cents=cents)),))

@hookimpl
def subscriptions():
    return Subscriptions(publishes=(SoldV1,))

@hookimpl
def authenticators(container):
    return [TokenIssuer(issuer="market", audience="farm", find_key=no_key)]
'''
IN_DATABASE = (
    "CREATE TABLE market.stalls (id int PRIMARY KEY, name text)",
    "CREATE SEQUENCE market.numbers",
    "CREATE TYPE public.mood AS ENUM ('dry', 'wet')",
    "CREATE TABLE garden.beds (id int PRIMARY KEY, stall int)",
    "CREATE TABLE garden.rows (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text UNIQUE NOT NULL)",
)
"""What is there, and is as it should be."""
SEEDED_IN_DATABASE = {
    "ALTER TABLE garden.beds ADD CONSTRAINT to_stalls FOREIGN KEY (stall) REFERENCES market.stalls": (
        "foreign_table_in_database",
        "table constraint to_stalls on garden.beds",
    ),
    "CREATE VIEW market.seen AS SELECT id FROM garden.beds": (
        "foreign_table_in_database",
        'rule "_RETURN" on market.seen',
    ),
    "ALTER TABLE garden.beds ALTER stall SET DEFAULT nextval('market.numbers')": (
        "foreign_table_in_database",
        "default value for garden.beds.stall",
    ),
    "CREATE FUNCTION market.count_beds() RETURNS bigint LANGUAGE plpgsql AS "
    "'BEGIN RETURN (SELECT count(*) FROM garden.beds); END'": (
        "foreign_table_in_database",
        "function market.count_beds()",
    ),
    "CREATE FUNCTION garden.away() RETURNS int LANGUAGE sql SET search_path = market AS 'SELECT 1'": (
        "foreign_table_in_database",
        "function garden.away()",
    ),
    "GRANT SELECT ON garden.beds TO hedgerow_market": ("foreign_right", "table garden.beds"),
    "GRANT UPDATE (name) ON market.stalls TO hedgerow_garden": ("foreign_right", "table market.stalls"),
    "ALTER TABLE garden.beds ADD mood public.mood": ("outside_schema", "table column garden.beds.mood"),
    "CREATE TABLE garden.heap (what text UNIQUE)": ("no_key", "table garden.heap"),
    "CREATE UNLOGGED TABLE garden.puddles (id int PRIMARY KEY)": ("unlogged_table", "table garden.puddles"),
    "CREATE MATERIALIZED VIEW garden.harvest AS SELECT 1 AS n": ("no_table", "table garden.harvest"),
    "ALTER TABLE garden.beds ADD picture oid": ("value_of_this_cluster", "column garden.beds.picture"),
    "ALTER TABLE garden.beds ADD about regclass": ("value_of_this_cluster", "column garden.beds.about"),
    "ALTER TABLE garden.audit_entries ENABLE ALWAYS TRIGGER audit_is_append_only": (
        "fires_while_copying",
        "trigger audit_is_append_only on garden.audit_entries",
    ),
    "ALTER TABLE garden.rows FORCE ROW LEVEL SECURITY": ("hidden_rows", "table garden.rows"),
    "ALTER TABLE garden.rows ADD place public.vector(3)": ("extension", "table column garden.rows.place"),
}
"""Each statement, and the kind and the object of the one blocker that it makes."""


def marked(folder: Path) -> list[tuple[str, str, int]]:
    """Kind, file and line of everything that the sources below a folder mark."""
    return sorted(
        (mark, file.name, number)
        for file in (*folder.rglob("*.py"), *folder.rglob("*.sql"))
        for number, line in enumerate(file.read_text().splitlines(), 1)
        for mark in MARK.findall(line)
    )


def written(files: dict[str, str]) -> dict[str, str]:
    """The files as they are installed."""
    return {name: dedent(text) for name, text in files.items()}
