"""Holds what the settings say of other hosts against the rules of ADR 0032, before anything connects."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from ipaddress import ip_address
from urllib.parse import urlsplit

from hedgerow_host.manifests import NAME
from hedgerow_host.problems import Problem, SettingProblem
from hedgerow_host.settings import Environment, HostSettings

SECRET = "HEDGEROW_HOST_SECRET"  # noqa: S105 - the name of a setting
INSIDE = (".internal", ".local", ".localhost", ".svc")
"""Ends of names that no public resolver answers (RFC 6761, RFC 6762, RFC 9476), or that only a cluster knows."""
CLUSTER = ".svc.cluster.local"


def unsound_remotes(settings: HostSettings, hosted: Collection[str]) -> Iterator[Problem]:
    """What is wrong with the remotes that these settings name, beside the contexts that are hosted here."""
    for name, remote in (settings.remotes or {}).items():
        variable = variable_of_remote(name)
        if not NAME.fullmatch(name):
            yield SettingProblem(
                subject=variable, what=f"names {name!r}, which is no name of a context", fix="correct it"
            )
        if name in hosted and not remote.moving:
            yield SettingProblem(
                subject=variable,
                what=f"says that {name} lives at {remote.url}, and it is hosted here, too",
                fix=f"leave {name} out of HEDGEROW_CONTEXTS, or unset {variable}; while {name} is moving there, "
                f"set {variable.removesuffix('URL')}MOVING=true",
            )
        if settings.env is not Environment.DEV and not _is_protected(remote.url):
            yield SettingProblem(
                subject=variable,
                what=f"leads to {remote.url}, where whoever is between can read along, or pose as {name}",
                fix="use https://; http:// is for loopback, private addresses and names inside of a cluster",
            )
    if settings.remotes and settings.host_secret is None and settings.env is not Environment.DEV:
        yield SettingProblem(
            subject=SECRET,
            what="is not set, and by it the hosts of HEDGEROW_REMOTES know this one",
            fix="set it to what `openssl rand -hex 32` prints, the same for every process of this host",
        )


def variable_of_remote(context: str) -> str:
    """The setting that says where a context lives."""
    return f"HEDGEROW_REMOTES__{context.upper()}__URL"


def _is_protected(url: str) -> bool:
    """Whether it is encrypted, or leads no further than the operator's own network."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme == "https":
        return True
    try:
        return ip_address(host).is_private
    except ValueError:
        return "." not in host or host.endswith((*INSIDE, CLUSTER))
