"""The doctor: checks everything that can be wrong on this machine, each with its remedy."""
