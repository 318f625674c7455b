"""What each number of `hedgerow check` stands for, and what to do about it: always the same."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Meaning:
    """What a number stands for, and what to do about it."""

    what: str
    """In one line."""
    more: str = ""
    """The whole of it, where one line does not do; it stands in the reference instead."""
    fix: str
    in_production: bool = False
    """Whether only `--deploy` says it."""


MEANINGS = {
    "E001": Meaning(
        what="The host can't be composed",
        more="The host can't be composed: whatever else would stop a start.",
        fix="See the finding; what is composed is judged when it can be.",
    ),
    "E002": Meaning(
        what="A subscription or question can't read what is published or answered here",
        more="A subscription or question can't read what its publisher, hosted here, publishes or answers.",
        fix="Read what is published, or publish it again.",
    ),
    "E003": Meaning(
        what="The package of a context holds no `contract.json`",
        fix="`hedgerow contracts write`, and ship the file.",
    ),
    "E004": Meaning(
        what="The `contract.json` is not what the context declares",
        fix="`hedgerow contracts write`, and ship the file.",
    ),
    "E005": Meaning(
        what="A setting is missing or can't be used",
        more="A setting is missing or can't be used. All of them are named at once.",
        fix="Set what is named.",
    ),
    "E006": Meaning(
        what="A setting is missing without which `api` or `worker` doesn't start",
        fix="Set it.",
        in_production=True,
    ),
    "E007": Meaning(
        what="Migrations are pending",
        more="Migrations are pending in the database.",
        fix="`hedgerow migrate`.",
    ),
    "E008": Meaning(
        what="A schema is not what its migrations make",
        more=(
            "A schema is not what its migrations make: somebody has altered, made or dropped something by "
            "hand. Not looked at: partitions, rights, rows."
        ),
        fix="Take it back; what is to stay becomes a revision.",
    ),
    "E010": Meaning(
        what="A module of a context is no Python",
        more="A module of a context is no Python, so nothing of that context's code is looked at.",
        fix="Mend the file, or delete it.",
    ),
    "E011": Meaning(
        what="A module imports one of a layer above its own",
        more=(
            "A module imports one of a layer above its own: plugin → container → interfaces, infrastructure →"
            " application, contracts, settings → domain; those between two arrows don't know each other. For "
            "contexts with a package `domain`."
        ),
        fix="Hand over what the lower one needs, as an argument or behind a port.",
    ),
    "E012": Meaning(
        what="A context imports another one",
        more="A context imports another one, also where only type checkers see it.",
        fix="Subscribe to its events or ask it, with a model of your own.",
    ),
    "E013": Meaning(
        what="A context imports the host",
        fix="Declare what you need by a hook.",
    ),
    "E014": Meaning(
        what="The domain imports more than Python and the domain of core",
        more=(
            "A domain imports more than Python, its own package and `hedgerow_core.domain`, be it by a "
            "detour, which is shown."
        ),
        fix="Move that to infrastructure, or behind a port.",
    ),
    "E015": Meaning(
        what="A use case imports HTTP or SQL",
        more=(
            "A module of `application` imports FastAPI, Starlette, SQLAlchemy, asyncpg, redis, pika or "
            "dramatiq; beside a `domain`."
        ),
        fix="Move that to interfaces or infrastructure.",
    ),
    "E016": Meaning(
        what="The hooks are imported by another module than the one that holds them",
        more="Another module than the one that holds the hooks imports `hedgerow_core.plugin`.",
        fix="Import it there alone.",
    ),
    "E017": Meaning(
        what="A distribution is imported that the context's own does not declare",
        more=(
            "A distribution is imported that the context's own does not declare. Not meant: imports for type "
            "checkers, and those that `except ImportError` forgives. Who declares hedgerow-core has declared "
            "Alembic, dependency-injector, FastAPI, pydantic, pydantic-settings, SQLAlchemy and Starlette."
        ),
        fix="`uv add --package …`, as the finding says.",
    ),
    "W001": Meaning(
        what="A subscription listens to a context that is not hosted here",
        fix="Host it, or say where it lives with `HEDGEROW_REMOTES`; a host on the same database will do, too.",
    ),
    "W002": Meaning(
        what="A subscription reads an event up to a version, and a newer one is published",
        more="A subscription reads an event up to a version, and its publisher also publishes a newer one.",
        fix="Read the newest version, and lift older ones.",
    ),
    "W003": Meaning(
        what="A context asks one that is not hosted here",
        fix="Host it, or say where it lives with `HEDGEROW_REMOTES`.",
    ),
    "W004": Meaning(
        what="A context runs without a role of its own",
        more=(
            "A context works without a role of its own: nothing in the database keeps it from the tables of "
            "others, nor its outbox and trail from being rewritten (ADR 0006)."
        ),
        fix="Let the database user create roles, and migrate.",
    ),
    "W005": Meaning(
        what="The migrations of a context fail on an empty database",
        more="The migrations of a context fail on an empty database, so nobody could set up another one.",
        fix="Mend the revision that is named.",
    ),
    "W006": Meaning(
        what="A variable looks like a setting, and nobody reads it",
        more=(
            "A variable begins like a setting of the host, or of a hosted context, and none has its name: "
            "most often it is misspelt, and the default is in force. Said at a start, too."
        ),
        fix="Correct its name, or take it out.",
    ),
    "W101": Meaning(
        what="This is not the environment of production",
        more="The environment is not `prod`.",
        fix="`HEDGEROW_ENV=prod`.",
        in_production=True,
    ),
    "W102": Meaning(
        what="A connection to another machine is not encrypted, or nobody checks with whom it is made",
        more=(
            "Database, broker, stream or collector are on another machine, and the connection is not "
            "encrypted; or, of the database, the certificate is not checked."
        ),
        fix="`?sslmode=verify-full`, `rediss://`, `amqps://`, `https://`.",
        in_production=True,
    ),
    "W103": Meaning(
        what="The broker asks for no password",
        fix="Give it one.",
        in_production=True,
    ),
    "W104": Meaning(
        what="Nobody's X-Forwarded-For is believed",
        more="Nobody's `X-Forwarded-For` is believed, so behind a proxy all callers are one.",
        fix="Name your proxies in `HEDGEROW_TRUSTED_PROXIES`.",
        in_production=True,
    ),
    "W105": Meaning(
        what="Too many may say who calls",
        more="A network of trusted proxies is wider than a /16 of IPv4.",
        fix="Name your proxies alone.",
        in_production=True,
    ),
    "W106": Meaning(
        what="The API's document is public",
        more="`/docs` and `/openapi.json` are served to everybody.",
        fix="Leave `HEDGEROW_DOCS` unset.",
        in_production=True,
    ),
    "W107": Meaning(
        what="Pages that nobody answers for may call from a browser",
        more="Pages of every origin, or of one in the clear, may call from a browser.",
        fix="Name the `https://` origins of your pages.",
        in_production=True,
    ),
    "W108": Meaning(
        what="Something is forgotten too soon",
        more="Events are kept for less than 4 days, or the audit trail for less than 90.",
        fix="Keep them longer.",
        in_production=True,
    ),
    "W109": Meaning(
        what="Others on this machine can read the secrets in .env",
        more="Others on this machine can read `.env`.",
        fix="`chmod 600 .env`.",
        in_production=True,
    ),
    "W110": Meaning(
        what="A secret can be guessed",
        more="A password or secret, of the host or of a context, is short, monotonous or looks like an example.",
        fix="`openssl rand -hex 32`.",
        in_production=True,
    ),
    "W111": Meaning(
        what="The database user may do anything in the whole server",
        more="The database user is a superuser.",
        fix="Connect as one who may create roles and owns the database.",
        in_production=True,
    ),
    "W112": Meaning(
        what="Several other hosts could vouch for callers, and nobody has said which may",
        more="Two or more remotes could each say who the callers of this host are.",
        fix="`HEDGEROW_REMOTES__…__VOUCHES=true` for the one that keeps accounts, `false` for the others.",
        in_production=True,
    ),
    "N001": Meaning(
        what="A published event has no subscriber here",
        fix="Nothing, if others listen.",
    ),
    "N002": Meaning(
        what="The imports of a context are not looked at",
        more="A context is one file instead of a package, or not there at all, so its imports are not looked at.",
        fix="Make it a package.",
    ),
    "N003": Meaning(
        what="Drift was not looked for",
        more="Drift (E008) was not looked for: the database user may not create databases.",
        fix="Let it, or check with another user.",
    ),
    "N101": Meaning(
        what="Metrics are served on every address",
        more="Metrics are served on every address, and ask no password.",
        fix="See who reaches that port.",
        in_production=True,
    ),
}
"""Every number of the host, always the same. Those of contexts begin at 500: their hook `checks` brings them."""
