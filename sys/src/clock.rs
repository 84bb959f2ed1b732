//! Clocks: a monotonic clock for durations, a wall clock for dates, and the local time zone.

use std::mem::MaybeUninit;
use std::num::NonZeroU64;
use std::time::Duration;

/// A time on the monotonic clock (`CLOCK_MONOTONIC` in clock_gettime(2)), in nanoseconds since an unspecified time. It
/// has 8 bytes, half of an `Instant`; it is never zero, so that an `Option` of it has 8 bytes, too.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Moment(NonZeroU64);

impl Moment {
    /// Later than all times of the clock.
    pub const NEVER: Moment = Moment(NonZeroU64::MAX);

    /// Reads the clock. On Linux this makes no system call (vdso(7)).
    pub fn now() -> Self {
        let now = clock_gettime(libc::CLOCK_MONOTONIC);
        let nanos = now.tv_sec as u64 * NANOS_PER_SEC + now.tv_nsec as u64;
        Self(NonZeroU64::new(nanos).unwrap_or(NonZeroU64::MIN))
    }

    /// The time `wait` after this one; [`NEVER`](Self::NEVER) if it does not fit.
    #[inline]
    pub fn after(self, wait: Duration) -> Self {
        let nanos = wait.as_secs().saturating_mul(NANOS_PER_SEC).saturating_add(wait.subsec_nanos().into());
        Self(self.0.saturating_add(nanos))
    }

    /// The number of milliseconds until then. All threads of all processes have the same clock.
    pub fn millis(self) -> u64 {
        self.0.get() / 1_000_000
    }

    /// The number of 2^30 nanoseconds until then, which are somewhat more than seconds, and cost no division.
    #[inline]
    pub fn rough_seconds(self) -> u32 {
        (self.0.get() >> 30) as u32
    }

    /// How long it is from `earlier` until then; nothing if it is not earlier.
    #[inline]
    pub fn since(self, earlier: Moment) -> Duration {
        Duration::from_nanos(self.0.get().saturating_sub(earlier.0.get()))
    }
}

const NANOS_PER_SEC: u64 = 1_000_000_000;

fn clock_gettime(clock: libc::clockid_t) -> libc::timespec {
    let mut time = MaybeUninit::uninit();
    // SAFETY: the pointer is valid for the call, which fills the struct.
    let result = unsafe { libc::clock_gettime(clock, time.as_mut_ptr()) };
    assert_eq!(result, 0, "every system of POSIX.1-2001 or later has this clock");
    // SAFETY: the call succeeded, so the struct is filled.
    unsafe { time.assume_init() }
}

/// A date and time in UTC, counted from 1970 without leap seconds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Wall {
    /// Seconds since 1970; negative before.
    pub secs: i64,
    /// Nanoseconds, 0 to 999,999,999.
    pub nanos: u32,
}

/// The current date and time: `CLOCK_REALTIME` in clock_gettime(2). This clock may jump in both directions.
pub fn wall() -> Wall {
    let now = clock_gettime(libc::CLOCK_REALTIME);
    // A clock that is set before 1970 reads as 1970: HTTP dates and logs need no earlier time.
    Wall { secs: now.tv_sec.max(0) as _, nanos: now.tv_nsec as u32 }
}

/// The time that the kernel gives to a file that is changed now, or an earlier one: a file whose ctime is before it
/// gets another ctime when it is changed. On Linux `CLOCK_REALTIME_COARSE` in clock_gettime(2), which stands still for
/// some milliseconds (a tick). On other systems 10 ms ago, since ticks are no longer.
pub fn file_time() -> Wall {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let now = clock_gettime(libc::CLOCK_REALTIME_COARSE);
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let now = before(clock_gettime(libc::CLOCK_REALTIME), 10_000_000);
    Wall { secs: now.tv_sec.max(0) as _, nanos: now.tv_nsec as u32 }
}

/// A time that is `nanos` nanoseconds, less than a second, before another.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn before(mut time: libc::timespec, nanos: libc::c_long) -> libc::timespec {
    time.tv_nsec -= nanos;
    if time.tv_nsec < 0 {
        time.tv_sec -= 1;
        time.tv_nsec += NANOS_PER_SEC as libc::c_long;
    }
    time
}

/// A local date and time ("broken-down time" in localtime(3)).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Broken {
    /// The year, 0 to 9999.
    pub year: u16,
    /// 1 to 12.
    pub month: u8,
    /// 1 to 31.
    pub day: u8,
    /// 0 to 23.
    pub hour: u8,
    /// 0 to 59.
    pub minute: u8,
    /// 0 to 59, or 60 in a zone that counts leap seconds.
    pub second: u8,
    /// The difference of the local time to UTC at that time, in seconds; negative west of Greenwich.
    pub offset_secs: i32,
}

/// The years 0 to 9999 without the first and the last day, so that the local year is in this range in every zone.
const LOCAL_SECS: std::ops::RangeInclusive<i64> = -62_167_132_800..=253_402_214_400;

/// The local time `secs` seconds after 1970, in the zone of `TZ` or /etc/localtime: localtime_r(3).
///
/// A time before the year 0 becomes the start of that year, one after 9999 its end. The first call reads the zone's
/// file.
pub fn local(secs: i64) -> Broken {
    let secs = secs.clamp(*LOCAL_SECS.start(), *LOCAL_SECS.end()) as _;
    let mut raw = MaybeUninit::<libc::tm>::zeroed();
    // SAFETY: both pointers are valid for the call, which fills the struct. It fails only for years that do not fit
    // into i32, which cannot happen here; and then the struct would keep its zeroes.
    unsafe { libc::localtime_r(&raw const secs, raw.as_mut_ptr()) };
    // SAFETY: tm consists of integers and a pointer; it was zeroed and then filled.
    let raw = unsafe { raw.assume_init() };
    Broken {
        year: (raw.tm_year + 1900) as u16,
        month: (raw.tm_mon + 1) as u8,
        day: raw.tm_mday as u8,
        hour: raw.tm_hour as u8,
        minute: raw.tm_min as u8,
        second: raw.tm_sec as u8,
        offset_secs: raw.tm_gmtoff as i32,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{assert_own_process, passes_in_own_process};
    use std::time::UNIX_EPOCH;

    #[test]
    fn the_monotonic_clock_does_not_go_back() {
        let times: Vec<Moment> = (0..1000).map(|_| Moment::now()).collect();
        assert!(times.is_sorted());
        assert_eq!(size_of::<Option<Moment>>(), 8);
    }

    #[test]
    fn moments_stop_at_the_ends_of_the_clock() {
        let (now, second) = (Moment::now(), Duration::new(1, 1));
        let later = now.after(second);
        assert_eq!((later.since(now), now.since(later), now.since(now)), (second, Duration::ZERO, Duration::ZERO));
        assert_eq!(now.after(Duration::ZERO), now);
        for wait in [Duration::from_nanos(u64::MAX), Duration::from_secs(u64::MAX), Duration::MAX] {
            assert_eq!(now.after(wait), Moment::NEVER, "{wait:?}");
        }
        assert_eq!(Moment::NEVER.after(second), Moment::NEVER);
        assert!(later < Moment::NEVER);
    }

    #[test]
    fn the_wall_clock_agrees_with_the_file_system() {
        let before = wall();
        assert!(before.nanos < 1_000_000_000);
        // A file's time may be some milliseconds old, since the kernel reads it at each tick. A difference of a day
        // would mean that it is another clock.
        let file = crate::testing::TempDir::new();
        let stamp = std::fs::metadata(file.path()).unwrap().modified().unwrap();
        let stamp_secs = stamp.duration_since(UNIX_EPOCH).unwrap().as_secs() as i64;
        assert!((stamp_secs - before.secs).abs() < 86_400, "{stamp_secs} {before:?}");
    }

    fn shown(secs: i64) -> String {
        let Broken { year, month, day, hour, minute, second, offset_secs } = local(secs);
        format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} {offset_secs}")
    }

    #[test]
    #[ignore = "run in a separate process, with TZ set, by the_local_time_follows_the_zone"]
    fn local_times_of_a_zone() {
        assert_own_process("clock::tests::local_times_of_a_zone");
        // The zones are POSIX TZ strings, which need no zone files: see tzset(3).
        let table: &[(i64, &str)] = match std::env::var("TZ").as_deref() {
            Ok("UTC0") => &[
                (0, "1970-01-01 00:00:00 0"),
                (-1, "1969-12-31 23:59:59 0"),
                (951_782_399, "2000-02-28 23:59:59 0"),
                (951_782_400, "2000-02-29 00:00:00 0"),
                (1_795_314_909, "2026-11-22 02:35:09 0"),
                (i64::MAX, "9999-12-31 00:00:00 0"),
                (i64::MIN, "0000-01-02 00:00:00 0"),
            ],
            Ok("CET-1CEST,M3.5.0,M10.5.0/3") => &[
                (1_795_314_909, "2026-11-22 03:35:09 3600"),
                (1_774_745_999, "2026-03-29 01:59:59 3600"),
                (1_774_746_000, "2026-03-29 03:00:00 7200"),
            ],
            Ok("NST3:30") => &[(0, "1969-12-31 20:30:00 -12600"), (i64::MIN, "0000-01-01 20:30:00 -12600")],
            other => panic!("no table for {other:?}"),
        };
        for (secs, text) in table {
            assert_eq!(shown(*secs), *text, "{secs}");
        }
    }

    #[test]
    fn the_local_time_follows_the_zone() {
        for zone in ["UTC0", "CET-1CEST,M3.5.0,M10.5.0/3", "NST3:30"] {
            passes_in_own_process("clock::tests::local_times_of_a_zone", &[("TZ", zone)]);
        }
    }
}
