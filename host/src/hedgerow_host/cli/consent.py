"""What others might object to in production is done there only by somebody who says that it is meant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from hedgerow_host.settings import HostSettings

AlsoInProd = Annotated[bool, typer.Option("--yes", help="Also in prod.")]


def demand_consent(settings: HostSettings, what: str, *, yes: bool) -> None:
    """Go on, unless this is `prod` and nobody has said --yes.

    Raises:
        HostError: nobody has.
    """
    from hedgerow_host.exits import ExitCode, HostError
    from hedgerow_host.settings import Environment

    if settings.env is Environment.PROD and not yes:
        raise HostError(f"this is {settings.env}, and {what}", fix="say --yes", code=ExitCode.MISCONFIGURED)
