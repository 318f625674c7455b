"""What this host serves to other hosts, and how it finds them (ADR 0032).

Read in this order: unsound_remotes (what settings may say) → remotes (who they are) → routes, and a file for each
group of them.
"""

from hedgerow_host.wire.remotes import Remotes, remotes_of

__all__ = ["Remotes", "remotes_of"]
