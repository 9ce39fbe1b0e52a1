"""Alerting: decides what a person must be told, and tells it until it has arrived.

`alert` holds what the parts exchange; `rules` says what holds now; `conditions` makes alerts of
it, once and not forty times; the outbox in the store keeps them; `targets` and `words` deliver.
"""
