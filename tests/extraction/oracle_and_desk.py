"""`oracle` answers all that can be answered, and `desk` asks it and users: every kind of error travels."""

from __future__ import annotations

from pathlib import Path

from tests.garden import install_context

KINDS = (
    "validation",
    "authentication",
    "authorization",
    "not_found",
    "conflict",
    "precondition",
    "rate_limit",
    "unavailable",
    "domain",
    "bug",
    "slow",
)
"""What the oracle can be asked to fail with."""

_PREAMBLE = """
import asyncio
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar
from uuid import UUID
from dependency_injector import containers, providers
from pydantic import BaseModel
from hedgerow_core.application import Query, QueryHandler
from hedgerow_core.domain import errors
from hedgerow_core.http import ContextRouter, public
from hedgerow_core.messaging import LedgerWork
from hedgerow_core.plugin import Handlers, Manifest, hookimpl
from hedgerow_core.questions import AnswerContract, PublishedQuery, QueryContract, Question
"""
ORACLE = (
    _PREAMBLE
    + '''
SOON = timedelta(seconds=7)

@dataclass(frozen=True, slots=True, kw_only=True)
class LookUpFate(Query[str]):
    kind: str

def failure(kind):
    said = {"code": f"oracle.{kind}", "details": {"kind": kind}}
    match kind:
        case "validation":
            return errors.ValidationError("Not so.", field="kind", code="oracle.validation")
        case "precondition":
            return errors.PreconditionError(7)
        case "rate_limit":
            return errors.RateLimitError("Too often.", retry_after=SOON, **said)
        case "unavailable":
            return errors.UnavailableError("Asleep.", retry_after=SOON, **said)
        case "bug":
            return RuntimeError("the secret of the oracle")
    kinds = {
        "authentication": errors.AuthenticationError,
        "authorization": errors.AuthorizationError,
        "not_found": errors.NotFoundError,
        "conflict": errors.ConflictError,
        "domain": errors.DomainError,
    }
    return kinds[kind]("So it is.", **said) if kind in kinds else None

async def look_up_fate(query):
    if query.kind == "slow":
        await asyncio.sleep(60)
    if error := failure(query.kind):
        raise error
    return f"a {query.kind} one"

class FateV1(AnswerContract):
    fate: str

class GetFateV1(QueryContract):
    """Somebody's fate, or what hinders us from telling it."""
    query_name: ClassVar[str] = "oracle.get_fate"
    answer: ClassVar[type[AnswerContract]] = FateV1
    repeatable: ClassVar[bool] = True
    kind: str

class Container(containers.DeclarativeContainer):
    core = providers.DependenciesContainer()

@hookimpl
def manifest():
    return Manifest(name="oracle", version="1.0", core_api=">=0.1,<0.2")

@hookimpl
def container(core):
    return Container(core=core)

@hookimpl
def handlers(container):
    return Handlers(
        work=lambda connection: LedgerWork(
            connection, context="oracle", clock=container.core.clock(), translations={}),
        queries=(QueryHandler(LookUpFate, look_up_fate),),
        answers=(PublishedQuery(
            contract=GetFateV1,
            query=LookUpFate,
            ask=lambda asked: LookUpFate(kind=asked.kind),
            answer=lambda fate: FateV1(fate=fate),
        ),),
    )
'''
)
DESK = (
    _PREAMBLE
    + """
class Fate(BaseModel):
    fate: str

class Person(BaseModel):
    email: str
    name: str
    status: str

class Container(containers.DeclarativeContainer):
    core = providers.DependenciesContainer()

@hookimpl
def manifest():
    return Manifest(name="desk", version="1.0", core_api=">=0.1,<0.2", optional=("oracle", "users"))

@hookimpl
def container(core):
    return Container(core=core)

@hookimpl
def handlers(container):
    return Handlers(
        work=lambda connection: LedgerWork(
            connection, context="desk", clock=container.core.clock(), translations={}),
        asks=(
            Question("oracle.get_fate", as_=Fate, deadline=timedelta(seconds=2)),
            Question("users.get_user", as_=Person, deadline=timedelta(seconds=2)),
        ),
    )

@hookimpl
def routes(container, bus):
    router, questions = ContextRouter("desk"), container.core.questions()

    @router.get("/fates/{kind}")
    @public
    async def fate(kind: str) -> dict[str, str]:
        return (await questions.ask("oracle.get_fate", {"kind": kind}, as_=Fate)).model_dump()

    @router.get("/people/{id}")
    @public
    async def person(id: str) -> dict[str, str]:
        return (await questions.ask("users.get_user", {"user_id": id}, as_=Person)).model_dump()

    return [router]
"""
)


def install_oracle_and_desk(folder: Path) -> dict[str, str]:
    """Install both below `folder`; returns the setting by which processes find them."""
    install_context(folder, "oracle", ORACLE)
    install_context(folder, "desk", DESK)
    return {"PYTHONPATH": str(folder)}
