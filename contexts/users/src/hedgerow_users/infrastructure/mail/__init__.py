"""How mail leaves: over SMTP, or in `dev` onto the console."""
