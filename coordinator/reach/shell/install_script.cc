#include "coordinator/reach/shell/install_script.h"

#include "absl/strings/str_cat.h"
#include "coordinator/reach/shell/remote_command_line.h"

namespace iris {
namespace {

// POSIX sh, with the tools of busybox. Everything runs in one command substitution, whose output is
// the directory; descriptor 3 is the wire.
//
// All of it is defined before anything runs: a shell that reads its script in blocks has then read
// it all, and the program's bytes, which come only after "ready", are left for `head`.
//
// dd fills files with as much as the installation needs, the packed and the unpacked program: `df`
// knows nothing of quotas. It also has one file's pages written to the disk wherever it can write
// at all, where `sync` of one file is newer.
//
// How far an upload is, the size of the file alone tells: `head` may read ahead, so it is run once.
// It writes what it has read, every 4 KiB or so; gzip takes 256 KiB at a time, so what arrives is
// put into a file before it is unpacked.
//
// openssl is asked first: it has the processor's own instructions for SHA-256, where sha256sum
// takes 70 ms for an agent.
//
// mkdir says "mkdir: cannot create directory 'X': WHY".
//
// A build is running where /proc shows it as somebody's executable. On a network file system it may
// be another host's, so nothing is removed there.
constexpr absl::string_view kScript = R"sh(
iris_say() { echo "$iris_marker $(echo "$*" | tr '\n\r' '  ')" >&3; }
iris_fail() { rm -f "$iris_new" "$iris_gz"; iris_say failed "$@"; exit 1; }
iris_kind() {
  case $1 in
    *'o space left'*|*uota*|*'ile too large'*|*'ile size limit'*) echo no_space ;;
    *) echo "$2" ;;
  esac
}
iris_skip() {
  rm -f "$2/bin/iris-agent-$iris_sum" "$iris_new" "$iris_gz"
  [ "$iris_made" != "$2" ] || rmdir "$2/bin" "$2"
  iris_say skip "$1" "$2: $3"
  return 1
} 2>/dev/null

iris_skip_unmade() {
  iris_skip "$(iris_kind "$iris_err" unsuitable)" "$1" "cannot make $2 (${iris_err##*: })"
}

iris_why_not_own() {
  set -- $(ls -ldn "$1" 2>/dev/null)
  case ${1:-} in
    l*) echo 'it is a symbolic link' ;;
    d????-??-*) echo "it belongs to user $3" ;;
    d*) echo 'others can write to it' ;;
    *) echo 'it is no directory' ;;
  esac
}

iris_make() {
  [ -h "$1" ] || [ -d "$1" ] || mkdir -p "$1"
}

iris_fill() {
  iris_err=$(dd if=/dev/zero of="$2" bs=65536 count="$(($3 / 65536 + 1))" 2>&1)
  iris_rc=$?
  [ "$iris_rc" -le 128 ] ||
    { iris_skip no_space "$1" "the file size limit of the account (ulimit -f) is too low"; return 1; }
  [ "$iris_rc" -eq 0 ] || iris_skip "$(iris_kind "$iris_err" unsuitable)" "$1" \
    "$iris_err; the installation needs $((iris_need / 1000000 + 1)) MB"
}

iris_try() {
  iris_new=$1/bin/.upload-$iris_marker
  iris_gz=$iris_new.gz
  iris_made=$1
  [ ! -d "$1" ] || iris_made=
  iris_err=$(iris_make "$1" 2>&1) || { iris_skip_unmade "$1" "it"; return 1; }
  iris_own "$1" || { iris_say skip unsuitable "$1: $(iris_why_not_own "$1")"; return 1; }
  iris_err=$(iris_make "$1/bin" 2>&1) || { iris_skip_unmade "$1" "bin in it"; return 1; }
  iris_own "$1/bin" || { iris_say skip unsuitable "$1/bin: $(iris_why_not_own "$1/bin")"; return 1; }
  iris_fill "$1" "$iris_new" "$iris_bytes" || return 1
  [ "$iris_form" = plain ] || iris_fill "$1" "$iris_gz" "$iris_sent" || return 1
  echo "#!$(command -v sh)
exit 0" >"$iris_new" && chmod 700 "$iris_new"
  iris_err=$("$iris_new" 2>&1 </dev/null) ||
    { iris_skip not_executable "$1" "programs cannot run there: $iris_err"; return 1; }
}

iris_size() { set -- $(ls -ldn "$1" 2>/dev/null); echo "${5:-0}"; }

iris_watch() {
  while kill -0 $$ 2>/dev/null && sleep 1 3>&-; do
    echo "$iris_marker got $(iris_size "$iris_into")" >&3 || return
  done
} >/dev/null 2>&1

iris_receive() {
  if head -c 0 </dev/null >/dev/null 2>&1; then head -c "$iris_sent"
  else dd bs=1 count="$iris_sent" 2>/dev/null
  fi >"$iris_into"
}

iris_choose_form() {
  iris_form=gzip
  iris_need=$((iris_bytes + iris_sent))
  if command -v gzip; then iris_unpack='gzip -dc'
  elif command -v gunzip; then iris_unpack='gunzip -c'
  elif busybox gunzip --help; then iris_unpack='busybox gunzip -c'
  else iris_form=plain; iris_sent=$iris_bytes; iris_need=$iris_bytes
  fi
} >/dev/null 2>&1

iris_digest() {
  openssl dgst -sha256 <"$1" 2>/dev/null && return
  if command -v sha256sum >/dev/null; then sha256sum
  elif command -v shasum >/dev/null; then shasum -a 256
  elif ! command -v openssl >/dev/null; then echo unknown
  fi <"$1"
}

iris_intact() {
  iris_old=$1/bin/iris-agent-$iris_sum
  [ -f "$iris_old" ] && [ -x "$iris_old" ] && iris_own "$1" && iris_own "$1/bin" || return 1
  case $(iris_digest "$iris_old") in
    *$iris_sum*) "$iris_old" version </dev/null ;;
    *) return 1 ;;
  esac
} >/dev/null 2>&1

iris_prune() {
  cd "$1/bin" || return
  find . -name '.upload-*' -mmin +60 -exec rm -f {} ';'
  case $(stat -f -c %T .) in
    ext*|xfs|btrfs|tmpfs|overlay*|zfs|f2fs) [ -d /proc/self ] || return ;;
    *) return ;;
  esac
  iris_kept=0
  for iris_old in $(ls -t iris-agent-*); do
    iris_kept=$((iris_kept + 1))
    [ "$iris_kept" -gt 2 ] || continue
    ls -l /proc/[0-9]*/exe | grep -q "/$iris_old\$" || rm -f "$iris_old"
  done
} >/dev/null 2>&1

iris_install() {
  if iris_candidates iris_intact; then
    iris_say intact "$iris_dir"
    echo "$iris_dir"
    return
  fi
  iris_choose_form
  iris_candidates iris_try || { iris_say nowhere; exit 1; }
  iris_into=$iris_gz
  [ $iris_form = gzip ] || iris_into=$iris_new
  iris_say ready $iris_form "$iris_dir"
  iris_watch &
  iris_watcher=$!
  iris_err=$(iris_receive 2>&1)
  iris_rc=$?
  { kill "$iris_watcher"; wait "$iris_watcher"; } 2>/dev/null
  [ "$iris_rc" -eq 0 ] || iris_fail "$(iris_kind "$iris_err" storage)" "$iris_dir: $iris_err"
  iris_came=$(iris_size "$iris_into")
  [ "$iris_came" -eq "$iris_sent" ] ||
    iris_fail damaged "$iris_dir: $iris_came of $iris_sent bytes arrived"
  if [ $iris_form = gzip ]; then
    iris_err=$($iris_unpack <"$iris_gz" 2>&1 >"$iris_new") ||
      iris_fail "$(iris_kind "$iris_err" damaged)" "$iris_dir: $iris_err"
    rm -f "$iris_gz"
  fi
  [ "$(iris_size "$iris_new")" -eq "$iris_bytes" ] || iris_fail damaged "$iris_dir: the length differs"
  iris_check=sha256
  case $(iris_digest "$iris_new") in
    *$iris_sum*) ;;
    unknown) iris_check=length ;;
    *) iris_fail damaged "$iris_dir: the SHA-256 of what arrived is another one" ;;
  esac
  chmod 700 "$iris_new" 2>&1
  iris_err=$("$iris_new" version 2>&1 </dev/null) ||
    iris_fail not_executable "$iris_dir: status $?: $iris_err"
  dd if=/dev/null of="$iris_new" conv=notrunc,fsync 2>/dev/null || sync "$iris_new" 2>/dev/null
  iris_err=$(mv -f "$iris_new" "$iris_dir/bin/iris-agent-$iris_sum" 2>&1) ||
    iris_fail "$(iris_kind "$iris_err" storage)" "$iris_dir: $iris_err"
  iris_say installed $iris_check "$iris_dir"
  echo "$iris_dir"
  iris_prune "$iris_dir"
}

exec 3>&1
iris_dir=$(LC_ALL=C; export LC_ALL; umask 077; trap '' HUP PIPE; iris_install)
[ "$iris_dir" ] || exit 1
exec 3>&-
)sh";

}  // namespace

std::string MakeInstallScript(const InstallScript& script) {
  // The braces make the shell read to the end before it runs anything.
  return absl::StrCat(script.marker, "\n", "{ iris_marker=", script.marker,
                      "; iris_sum=", script.sha256, "; iris_bytes=", script.bytes,
                      "; iris_sent=", script.gzip_bytes, "\n", OwnDirectoryScript(), "\n",
                      CandidatesScript(script.agent_dir), kScript,
                      R"(exec "$iris_dir/bin/iris-agent-$iris_sum" bridge --data "$iris_dir")",
                      script.agent_dir.empty() ? "" : R"( --home "$iris_dir")", "; }\n");
}

}  // namespace iris
