#define _GNU_SOURCE
#include "CMallocCount.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

// glibc's own allocator, under the names that it keeps for those who replace the public ones.
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);
void *__libc_memalign(size_t alignment, size_t size);

typedef struct {
    _Atomic uint64_t thread, allocations;
} entry;

static entry *entries;
static atomic_uint entry_count;
static _Thread_local entry *own __attribute__((tls_model("initial-exec")));

__attribute__((constructor)) static void open_counts(void) {
    const char *path = getenv("MALLOC_COUNT_FILE");
    if (!path) return;
    int file = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    size_t octets = (malloc_count_threads_max + 1) * sizeof(entry);
    if (file < 0 || ftruncate(file, (off_t)octets) != 0) abort();
    void *map = mmap(NULL, octets, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (map == MAP_FAILED) abort();
    close(file);
    entries = map;
}

static void count(void) {
    if (!entries) return;
    if (!own) {
        unsigned place = atomic_fetch_add(&entry_count, 1);
        if (place >= malloc_count_threads_max) abort();
        own = &entries[place];
        own->thread = (uint64_t)syscall(SYS_gettid);
    }
    own->allocations++;
}

void *malloc(size_t size) {
    count();
    return __libc_malloc(size);
}

void *calloc(size_t number, size_t size) {
    count();
    return __libc_calloc(number, size);
}

void *realloc(void *old, size_t size) {
    count();
    return __libc_realloc(old, size);
}

void *memalign(size_t alignment, size_t size) {
    count();
    return __libc_memalign(alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size) {
    count();
    return __libc_memalign(alignment, size);
}

int posix_memalign(void **result, size_t alignment, size_t size) {
    count();
    void *memory = __libc_memalign(alignment, size);
    if (!memory) return ENOMEM;
    *result = memory;
    return 0;
}
