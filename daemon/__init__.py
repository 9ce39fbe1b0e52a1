"""The long-running process and its command line."""
