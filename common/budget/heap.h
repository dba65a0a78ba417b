#ifndef IRIS_COMMON_BUDGET_HEAP_H_
#define IRIS_COMMON_BUDGET_HEAP_H_

namespace iris {

// For a daemon, at its start: what is large comes from the system and goes back to it when it is
// freed, and threads share few heaps. Else glibc keeps what one large answer took, in the heap of
// whichever thread had it.
void KeepHeapSmall();

// Gives what is free of the heap back to the system; some milliseconds.
void GiveHeapBack();

}  // namespace iris

#endif  // IRIS_COMMON_BUDGET_HEAP_H_
