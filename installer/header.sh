#!/bin/sh
# nightsort @VERSION@ for @FOR@, with everything that it needs.
#   sh @NAME@ install [--start] [--web [ADDRESS:PORT] | --no-web] | upgrade | uninstall [--purge] | verify | extract FOLDER | --help
# What follows the last line of this script is a tar archive; its sha256 is checked first.
set -eu
# What is installed is for the service's user to read, whatever root's own umask is.
umask 022

sha256=@SHA256@
pythons='@PYTHONS@'

say() {
    printf '%s\n' "$*" >&2
}

payload() {
    tail -n +@FIRST_LINE@ "$self"
}

verify() {
    found=$(payload | sha256sum)
    if [ "${found%% *}" != "$sha256" ]; then
        say "$self is damaged: copy it again, and compare its size and sha256 with the original's"
        exit 1
    fi
}

# unpack FOLDER INSTEAD
unpack() {
    if ! said=$(payload | tar -xzf - -C "$1" --no-same-owner 2>&1); then
        # The last line says only that it failed.
        printf '%s\n' "$said" | tail -n 2 | head -n 1 >&2
        say "$self cannot be unpacked into $1: make room there, or $2"
        exit 1
    fi
}

require_python() {
    if ! command -v python3 >/dev/null; then
        say "python3 is missing: install Python ${pythons} (on Debian: apt-get install python3)"
        exit 1
    fi
    if ! python3 -c 'import venv' 2>/dev/null; then
        say "Python's venv module is missing: apt-get install python3-venv"
        exit 1
    fi
}

self=$0
case ${1:-} in
    verify)
        verify
        say "$self is whole"
        ;;
    extract)
        [ $# -eq 2 ] || { say "say into which folder: sh $self extract FOLDER"; exit 2; }
        verify
        mkdir -p "$2"
        unpack "$2" "name another folder"
        ;;
    *)
        require_python
        verify
        folder=$(mktemp -d "${TMPDIR:-/var/tmp}/nightsort.XXXXXX")
        trap 'rm -rf "$folder"' EXIT
        trap 'exit 130' INT TERM HUP
        unpack "$folder" "name another place: TMPDIR=/srv sh $self $*"
        # Python takes modules from where it starts: only from there, then.
        cd "$folder/share/nightsort"
        # Not exec: the folder is removed afterwards.
        python3 -EsB -m installer "$@"
        ;;
esac
exit
