// Counts the heap allocations of each thread of a program that is started with this library in
// LD_PRELOAD. For tests only.
//
// MALLOC_COUNT_FILE names a file that the counts are kept in while the program runs: pairs of
// 64-bit numbers in the machine's order, the kernel's id of a thread and its allocations so far. The
// first pair with id 0 ends the list.
#ifndef CMALLOCCOUNT_H
#define CMALLOCCOUNT_H

enum { malloc_count_threads_max = 256 };

#endif
