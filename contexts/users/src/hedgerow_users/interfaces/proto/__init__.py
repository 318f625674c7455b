"""What goes over gRPC: users.proto, and what `make proto` generates from it."""
