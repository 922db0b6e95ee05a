#!/bin/sh
# Makes a virtual environment, or leaves a working one alone. Usage: venv.sh PYTHON DIRECTORY
set -eu
python="$1"
venv="$2"

if "$venv/bin/python" -c 'import pip' 2>/dev/null; then
    exit 0
fi
if ! command -v "$python" >/dev/null 2>&1; then
    echo "cannot make $venv: no program $python; install Python 3.11 or later, or name one: make run PYTHON=/path/to/python3" >&2
    exit 1
fi
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
    echo "cannot make $venv: $("$python" --version) is too old; Nagare needs Python 3.11 or later: make run PYTHON=python3.12" >&2
    exit 1
fi
if ! "$python" -m venv --clear "$venv"; then
    echo "cannot make $venv: the venv module does not work; on Debian and Ubuntu: apt install python3-venv" >&2
    exit 1
fi
