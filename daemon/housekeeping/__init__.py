"""Housekeeping: what keeps an instance well for years, beside its work.

`backups` copies the database, `nightly` does so by itself; `healing` and `restoring` put a copy in
its place, `reconciling` tells it what happened since; `retention` lets go of what is old.
"""
