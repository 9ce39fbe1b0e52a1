"""A person's later word on photos that were sorted."""
