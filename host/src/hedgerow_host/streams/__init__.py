"""Push streams, where `HEDGEROW_STREAM_URL` names one (ADR 0034): they make nothing true, some things sooner."""
