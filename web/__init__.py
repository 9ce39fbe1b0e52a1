"""The page and the HTTP API: a process of its own beside the daemon, as another user.

It reads the history and the status file, and changes nothing of them: what a person decides goes to
the daemon as an order. What it must remember itself (accounts, keys, sessions, calls) lies in
`state_dir/web/`, and it writes nowhere else. Of the daemon only `web.reading` takes anything.
"""
