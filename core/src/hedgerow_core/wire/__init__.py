"""How two hosts talk (ADR 0032): each speaks for its own contexts, and believes the other's by the keys at its URL.

Read in this order: host_keys → service_tokens (who asks) → breaker → peer (the way to one remote context).
"""

from hedgerow_core.wire.host_keys import KEYS_PATH, HostKeys
from hedgerow_core.wire.peer import Peer, PeerAnswer
from hedgerow_core.wire.peer_errors import PeerAway, PeerCutOff, PeerRefused, PeerTooSlow
from hedgerow_core.wire.service_tokens import OwnTokens, ServiceTokens

__all__ = [
    "KEYS_PATH",
    "HostKeys",
    "OwnTokens",
    "Peer",
    "PeerAnswer",
    "PeerAway",
    "PeerCutOff",
    "PeerRefused",
    "PeerTooSlow",
    "ServiceTokens",
]
