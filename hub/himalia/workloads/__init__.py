"""What workloads themselves call, and what administrators see of all of them."""
