"""What the API bears: Locust's users against a page of its own. `make load`."""
