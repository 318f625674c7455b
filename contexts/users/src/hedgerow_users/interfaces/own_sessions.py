"""The routes by which owners look after their sessions: where they are logged in, and how to end that."""

from __future__ import annotations

from http import HTTPStatus
from uuid import UUID

from hedgerow_core.application import DEFAULT_LIMIT, Bus
from hedgerow_core.http import Caller, ContextRouter, Limit, NextPage, PageModel, logged_in
from hedgerow_users.application.commands.end_session import EndSession
from hedgerow_users.application.commands.log_out_everywhere import LogOutEverywhere
from hedgerow_users.application.queries.list_sessions import ListSessions
from hedgerow_users.interfaces.http import CONTEXT
from hedgerow_users.interfaces.schemas import SessionAnswer


def own_sessions_router(bus: Bus) -> ContextRouter:
    """One's own sessions."""
    router = ContextRouter(CONTEXT)

    @router.get("/me/sessions")
    @logged_in
    async def list_my_sessions(
        caller: Caller, limit: Limit = DEFAULT_LIMIT, cursor: NextPage = None
    ) -> PageModel[SessionAnswer]:
        """Where you are logged in, the latest login first."""
        page = await bus.ask(ListSessions(account_id=caller.subject, limit=limit, cursor=cursor))
        answers = [SessionAnswer.of(session, asking=caller.session) for session in page.items]
        return PageModel(items=answers, next=page.next)

    @router.delete("/me/sessions/{session_id}", status_code=HTTPStatus.NO_CONTENT)
    @logged_in
    async def end_my_session(session_id: UUID, caller: Caller) -> None:
        """Log a device out. Its access token is refused everywhere within a second."""
        await bus.execute(EndSession(account_id=caller.subject, session_id=session_id))

    @router.post("/logout-everywhere", status_code=HTTPStatus.NO_CONTENT)
    @logged_in
    async def log_out_everywhere(caller: Caller) -> None:
        """End all your sessions, this one included."""
        await bus.execute(LogOutEverywhere(account_id=caller.subject))

    return router
