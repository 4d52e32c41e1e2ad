"""What came from what: the links between things, as a graph."""
