"""Handing over: another system is told of each run, and of what changes later."""
