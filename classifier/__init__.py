"""Photo in, verdict out: pixels and numbers, never folders, queues or clocks."""
