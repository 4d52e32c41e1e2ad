"""Running things, knowing no noun: workloads and their attempts, the queue, the reconciler, the backends."""
