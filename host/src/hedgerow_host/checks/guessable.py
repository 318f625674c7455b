"""Whether a secret is one that somebody could guess: short, monotonous, or copied from an example."""

from __future__ import annotations

SHORTEST = 12
FEWEST_DIFFERENT = 8
"""Of 32 random hexadecimal digits, fewer than 8 are different once in a hundred thousand times."""
OF_EXAMPLES = (
    "admin",
    "change",
    "default",
    "demo",
    "dummy",
    "example",
    "guest",
    "hedgerow",
    "letmein",
    "password",
    "placeholder",
    "postgres",
    "qwerty",
    "secret",
    "test",
    "12345",
)


def why_guessable(secret: str) -> str | None:
    """What is wrong with a secret, without quoting it; None if nothing is to be seen."""
    if len(secret) < SHORTEST:
        return f"is shorter than {SHORTEST} characters"
    if len(set(secret)) < FEWEST_DIFFERENT:
        return "repeats a few characters"
    if any(word in secret.lower() for word in OF_EXAMPLES):
        return "looks like one from an example"
    return None
