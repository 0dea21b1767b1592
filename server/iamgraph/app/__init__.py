"""What the service can do: one class an operation, all behind the kernel."""
