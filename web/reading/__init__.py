"""What the page takes of the daemon: only these modules, and the commands, import it."""
