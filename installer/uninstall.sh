#!/bin/sh
# Removes nightsort from this machine; photos and results stay. --purge: settings and state go too.
set -eu
cd /opt/nightsort/current/share/nightsort
exec python3 -EsB -m installer uninstall "$@"
