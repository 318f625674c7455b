"""Makes apps, contexts and use cases out of templates, and brings what was made up to date with newer templates.

Read in this order: naming (which names can be given) → places (where we are) → making and adding → rendering
(Copier writes) → releases (the template is kept beside what was made from it) → updating.
"""

from importlib.util import find_spec

from hedgerow_host.exits import ExitCode, HostError

EXTRA = ("copier", "ruff", "yaml")
"""What only those install who make things: no host in production needs it."""

if missing := [name for name in EXTRA if find_spec(name) is None]:
    raise HostError(
        f"not installed, and needed to write templates: {', '.join(missing)}",
        fix="uv add --dev 'hedgerow-host[scaffold]'",
        code=ExitCode.MISCONFIGURED,
    )
