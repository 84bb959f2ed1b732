/*
 * Compares struct kevent and its constants, as sys/src/poller/kqueue.rs declares them, with the system's header, at
 * compile time. See scripts/check-kqueue --link.
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
FIELD(filter, 8, 2);
FIELD(flags, 10, 2);
FIELD(fflags, 12, 4);
FIELD(data, 16, 8);
FIELD(udata, 24, 8);
#ifdef __FreeBSD__ /* 12 and later */
FIELD(ext, 32, 32);
SIZE(64);
#else
SIZE(32);
#endif

_Static_assert(sizeof(((struct timespec *)0)->tv_sec) == 8, "struct timespec: tv_sec");
_Static_assert(sizeof(((struct timespec *)0)->tv_nsec) == 8, "struct timespec: tv_nsec");

VALUE(EVFILT_READ, -1);
VALUE(EVFILT_WRITE, -2);
VALUE(EVFILT_VNODE, -4);
VALUE(EVFILT_PROC, -5);
VALUE(EVFILT_SIGNAL, -6);
VALUE(EVFILT_TIMER, -7);

VALUE(EV_ADD, 0x1);
VALUE(EV_DELETE, 0x2);
VALUE(EV_ENABLE, 0x4);
VALUE(EV_DISABLE, 0x8);
VALUE(EV_ONESHOT, 0x10);
VALUE(EV_CLEAR, 0x20);
VALUE(EV_RECEIPT, 0x40);
VALUE(EV_ERROR, 0x4000);
VALUE(EV_EOF, 0x8000);

VALUE(NOTE_DELETE, 0x1);
VALUE(NOTE_WRITE, 0x2);
VALUE(NOTE_EXTEND, 0x4);
VALUE(NOTE_ATTRIB, 0x8);
VALUE(NOTE_LINK, 0x10);
VALUE(NOTE_RENAME, 0x20);
VALUE(NOTE_EXIT, 0x80000000u);
