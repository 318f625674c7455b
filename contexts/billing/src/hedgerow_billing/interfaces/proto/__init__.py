"""What goes over gRPC: billing.proto, and what `make proto` generates from it."""
