#include <vector>

#include "agent/process/descendants.h"
#include "agent/process/process_tree.h"

namespace iris {
namespace {

constexpr size_t kFirstRoom = 256;

// All of them, however much room that takes.
template <typename Find>
std::vector<pid_t> Found(Find find) {
  for (size_t room = kFirstRoom;; room *= 2) {
    std::vector<pid_t> found(room);
    found.resize(find(found.data(), room));
    if (found.size() < room) return found;
  }
}

}  // namespace

std::vector<pid_t> DescendantsOf(pid_t ancestor) {
  return Found(
      [ancestor](pid_t* found, size_t room) { return FindDescendants(ancestor, found, room); });
}

std::vector<pid_t> AllChildrenOf(pid_t parent, bool* is_whole) {
  return Found([parent, is_whole](pid_t* found, size_t room) {
    return FindChildren(parent, found, room, KernelSaysChildren(), is_whole);
  });
}

std::vector<pid_t> ChildrenOf(pid_t parent) {
  std::vector<pid_t> children = AllChildrenOf(parent);
  std::erase_if(children, IsLivingDaemon);
  return children;
}

}  // namespace iris
