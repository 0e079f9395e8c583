# shellcheck shell=sh
# Sourced by scripts/test and scripts/demo: makes the virtual environment ./.venv and sets $PY to its Python.
# Needs Python 3.11 and, once, the package index; as root it also installs the Debian packages it needs.
set -eu
cd "$(dirname "$0")/.."
ROOT=$PWD
VENV=${BEDSIDE_VENV:-$ROOT/.venv}
PY=$VENV/bin/python

say() { printf '== %s\n' "$*" >&2; }

# need_debian COMMAND PACKAGE: make sure COMMAND works, from PACKAGE when root; else say what to type.
install_debian() {
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
        say "missing: $1. As root: apt-get install $1"
        return 1
    fi
    say "installing Debian package $1"
    [ -n "${APT_UPDATED:-}" ] || apt-get -qq update
    APT_UPDATED=1
    DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "$1" >/dev/null
}

python_ok() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

make_venv() {
    for python in python3 python3.13 python3.12 python3.11; do
        python_ok "$python" && break
    done
    python_ok "$python" || { say "bedside needs Python 3.11 or later; this machine has $(python3 --version 2>&1)"; exit 1; }
    "$python" -c 'import ensurepip, venv' 2>/dev/null || install_debian python3-venv ||
        { say "without it there is no virtual environment to go on in"; exit 1; }
    say "making the virtual environment $VENV"
    "$python" -m venv "$VENV"
}

python_ok "$PY" || make_venv
wanted=$(cksum <pyproject.toml)
if [ "$(cat "$VENV/bedside.stamp" 2>/dev/null)" != "$wanted $ROOT" ]; then
    say "installing bedside and its tools into $VENV"
    "$PY" -m pip install -q --disable-pip-version-check -e '.[dev]'
    echo "$wanted $ROOT" >"$VENV/bedside.stamp"
fi
export PATH="$VENV/bin:$PATH"
