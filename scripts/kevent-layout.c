/*
 * struct kevent and the numbers that go with it, as sys/src/poller/ffi/kqueue.rs declares them, against the system's
 * own header. Nothing runs: it compiles or it does not. See scripts/check-kqueue --link.
 */
#include <stddef.h>
#include <sys/types.h>
#include <sys/event.h>
#include <time.h>

#define SIZE(bytes) _Static_assert(sizeof(struct kevent) == (bytes), "struct kevent: size")
#define FIELD(name, offset, bytes) \
    _Static_assert(offsetof(struct kevent, name) == (offset), "struct kevent: offset of " #name); \
    _Static_assert(sizeof(((struct kevent *)0)->name) == (bytes), "struct kevent: size of " #name)
#define VALUE(name, value) _Static_assert((name) == (value), #name)

FIELD(ident, 0, 8);
#ifdef __NetBSD__
/* The function that Rust's libc crate calls, __kevent50, takes the older struct of 40 bytes, without ext. */
FIELD(filter, 8, 4);
FIELD(flags, 12, 4);
FIELD(fflags, 16, 4);
FIELD(data, 24, 8);
FIELD(udata, 32, 8);
#else
FIELD(filter, 8, 2);
FIELD(flags, 10, 2);
FIELD(fflags, 12, 4);
FIELD(data, 16, 8);
FIELD(udata, 24, 8);
#endif
#if defined(__FreeBSD__) /* 12 and later */
FIELD(ext, 32, 32);
SIZE(64);
#elif !defined(__NetBSD__)
SIZE(32);
#endif

_Static_assert(sizeof(((struct timespec *)0)->tv_sec) == 8, "struct timespec: tv_sec");
_Static_assert(sizeof(((struct timespec *)0)->tv_nsec) == 8, "struct timespec: tv_nsec");

/* VALUE(EVFILT_READ, -1); and so on: every constant that kqueue.rs has, by scripts/check-kqueue. */
#include "kevent-values.h"
