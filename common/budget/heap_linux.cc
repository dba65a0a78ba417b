#include <malloc.h>

#include "common/budget/heap.h"

namespace iris {

void KeepHeapSmall() {
  // Set, they do not grow by themselves with what was freed before.
  mallopt(M_MMAP_THRESHOLD, 512 << 10);
  mallopt(M_TRIM_THRESHOLD, 4 << 20);
  mallopt(M_ARENA_MAX, 2);
}

void GiveHeapBack() { malloc_trim(0); }

}  // namespace iris
