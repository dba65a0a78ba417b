# Sourced: which of the packages of tests/packages.txt are missing.

# packages_of LINES…: one package a line; of a line with alternatives ("this | that": releases differ) the one that is
# installed, else the first that apt knows, else the first.
packages_of() {
  local line name chosen
  for line in "$@"; do
    chosen=
    for name in ${line//|/ }; do
      if is_installed "$name"; then chosen=$name; break; fi
    done
    for name in ${line//|/ }; do
      [ -z "$chosen" ] || break
      if apt-cache show "$name" >/dev/null 2>&1; then chosen=$name; fi
    done
    [ -n "$chosen" ] || chosen=${line%% *}
    printf '%s\n' "$chosen"
  done
}

is_installed() {
  dpkg-query -W -f '${db:Status-Status}\n' "$1" 2>/dev/null | grep -qx installed
}

# has_one LINE: something of the line is installed.
has_one() {
  local name
  for name in ${1//|/ }; do
    if is_installed "$name"; then return 0; fi
  done
  return 1
}
