"""Alerting: decides what a person must be told, and tells it until it has arrived.

`rules` says what holds now; `evaluate` makes alerts of it, once and not forty times; the outbox in
the store keeps them; `render` finds the words; `targets` and `senders` deliver.
"""
