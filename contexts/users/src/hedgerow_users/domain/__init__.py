"""What an account and a session are, and the rules they keep. Pure: no HTTP, no SQL, no hashing library."""
