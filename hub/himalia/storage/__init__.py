"""Content-addressed objects, and the trees of files made of them."""
