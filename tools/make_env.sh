#!/usr/bin/env bash
# Create or refresh .venv: requirements.txt, fairtut itself (editable) and, where needed, the
# torchvision hook.  A second run finds the stamp and returns at once.
#   PYTHON=/path/to/python   the interpreter to build from (otherwise python3, then the newest)
#   VENV=dir                 the environment's folder (default .venv)
#   FAIRTUT_NO_UV=1          install with pip even where uv is there
#   LOCKED=1                 only what requirements.lock names, each file by its digest, with
#                            Python 3.13 or newer: what the published site is built with
set -euo pipefail
# Under LC_ALL=C, Python reads its own .pth files as ASCII, and a folder called é ends it.
case "${LC_ALL:-}" in C | POSIX) export LC_ALL=C.UTF-8 ;; esac
cd "$(dirname "$0")/.."

venv=${VENV:-.venv}
locked=${LOCKED:-}
oldest="3, 11"
if [ -n "$locked" ]; then oldest="3, 13"; fi
say() { printf '%s\n' "$*"; }
die() { printf 'error: %s\n' "$*" >&2; exit 2; }

# A name on PATH is not enough: version managers leave shims that only print an error.
usable() {
  "$1" -c 'import sys; import ensurepip, venv; sys.exit(sys.version_info < ('"$oldest"'))' \
    >/dev/null 2>&1
}
find_python() {
  if [ -n "${PYTHON:-}" ]; then
    usable "$PYTHON" ||
      die "PYTHON=$PYTHON is not a Python ${oldest/, /.} or newer with the venv module"
    printf '%s\n' "$PYTHON"
    return
  fi
  local name
  for name in python3 python3.13 python3.12 python3.11 python3.14 python; do
    if usable "$name"; then printf '%s\n' "$name"; return; fi
  done
  die "no Python ${oldest/, /.} or newer with the venv module found: install one (Debian and Ubuntu:" \
      "python3 and python3-venv) or name it, PYTHON=/path/to/python3.13 make env"
}

stamp_of() {
  "$venv/bin/python" - requirements.txt pyproject.toml tools/make_env.sh \
    tools/torchvision_hook.py ${locked:+requirements.lock} <<'PY'
import hashlib, pathlib, sys
digest = hashlib.sha256(sys.version.encode() + sys.prefix.encode())
for name in sys.argv[1:]:
    digest.update(pathlib.Path(name).read_bytes())
print(digest.hexdigest())
PY
}

venv_works() {
  "$venv/bin/python" -c 'import sys; sys.exit(sys.version_info < ('"$oldest"'))' >/dev/null 2>&1
}
stamp="$venv/.fairtut-stamp"
if venv_works && [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$(stamp_of)" ]; then
  say "environment ready: $venv (unchanged)"
  exit 0
fi

began=$SECONDS
# A package that is already there would be taken without a look at its digest.
if [ -n "$locked" ] || ! venv_works; then
  python=$(find_python)
  say "creating $venv with $("$python" --version) ..."
  "$python" -m venv --clear "$venv"
fi
rm -f "$stamp"

# uv does not read pip's settings: hand on the folder of local wheels, whatever it is.
find_links="${UV_FIND_LINKS:-${PIP_FIND_LINKS:-}}"
if [ -n "$find_links" ]; then export UV_FIND_LINKS="$find_links"; fi

uv=""
if [ -z "${FAIRTUT_NO_UV:-}" ]; then
  if uv --version >/dev/null 2>&1; then
    uv=uv
  elif [ -z "$locked" ] && "$venv/bin/python" -m pip install --quiet uv >/dev/null 2>&1; then
    uv="$venv/bin/uv"
  fi
fi
with_uv=("$uv" pip install --python "$venv/bin/python")
installed=""
if [ -n "$locked" ]; then
  # The lock has the digests of everybody's torch: another build of it is another file.  Nothing
  # is built from source, since a build would fetch its own tools, which no lock names.
  unset UV_TORCH_BACKEND
  install=("$venv/bin/python" -m pip install)
  if [ -n "$uv" ]; then install=("${with_uv[@]}"); fi
  "${install[@]}" --quiet --require-hashes --only-binary :all: -r requirements.lock
  "${install[@]}" --quiet --no-deps --no-build-isolation -e .
  installed="from the lock"
elif [ -n "$uv" ]; then
  if "${with_uv[@]}" --quiet -r requirements.txt -e .; then
    installed="uv"
  else
    say "uv could not install everything; trying pip"
  fi
fi
if [ -z "$installed" ]; then
  "$venv/bin/python" -m pip install --quiet -r requirements.txt -e .
  installed="pip"
fi

# Only where torch has no CUDA and the plain import fails: `fairtut` and the notebooks stay clean.
site=$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
# As pip does and uv does not: or every kernel compiles pandas and torch anew where nobody writes.
"$venv/bin/python" -m compileall -q -j 0 "$site" >/dev/null 2>&1 || true
rm -f "$site/fairtut_torchvision.pth" "$site/_fairtut_torchvision_hook.py"
hook=""
status=0
"$venv/bin/python" -W ignore - <<'PY' || status=$?
import sys
import torch
try:
    import torchvision
except Exception:
    sys.exit(3 if torch.version.cuda is None else 4)
PY
if [ "$status" = 3 ]; then
  cp tools/torchvision_hook.py "$site/_fairtut_torchvision_hook.py"
  printf 'import _fairtut_torchvision_hook\n' >"$site/fairtut_torchvision.pth"
  hook=", torchvision hook"
  status=0
  "$venv/bin/python" -W ignore -c 'import torchvision' || status=$?
fi
[ "$status" = 0 ] || die "torch and torchvision do not load together: run" \
  "'$venv/bin/python -c \"import torchvision\"' to see why"

stamp_of >"$stamp"
version=$("$venv/bin/python" -c 'import platform; print(platform.python_version())')
say "environment ready: $venv (Python $version, $installed$hook, $((SECONDS - began)) s)"
