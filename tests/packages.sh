# Sourced: which of the packages of tests/packages.txt are missing.

is_installed() {
  dpkg-query -W -f '${db:Status-Status}\n' "$1" 2>/dev/null | grep -qx installed
}
