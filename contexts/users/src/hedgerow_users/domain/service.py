"""Services: programs that act as themselves. They have a name and keys, but neither account, password nor roles."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NewType
from uuid import UUID

from hedgerow_core.domain import ValueObject
from hedgerow_users.domain.key_errors import InvalidServiceName

ServiceId = NewType("ServiceId", UUID)

_NAME = re.compile(r"[a-z][a-z0-9-]{0,62}")


@dataclass(frozen=True, slots=True)
class ServiceName(ValueObject):
    """What operators call a service: small letters, digits and hyphens. No two live services share one."""

    text: str

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.text):
            raise InvalidServiceName

    def __str__(self) -> str:
        return self.text
