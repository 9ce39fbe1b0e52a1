"""What `make package` makes, and what it does on a machine: install, upgrade, uninstall.

Needs nothing but Python's own library, for it runs before anything is installed; only `build` runs
where nightsort is developed.
"""
