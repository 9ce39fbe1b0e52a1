"""How it is: told to people, to the service manager, and to whoever watches from outside."""
