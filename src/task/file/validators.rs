//! The validators of a file (RFC 9110 section 8.8): an entity tag and a date that change with its content.

use crate::config::EtagForm;
use crate::http::{Text, etag};
use webserv_sys::clock::{self, Wall};
use webserv_sys::file::Stat;

/// How old the last change must be where a file system stores whole seconds; FAT stores every second one.
const WHOLE_SECONDS_NANOS: i128 = 2_000_000_000;

/// The same where it stores some milliseconds, as exFAT does.
const MILLISECONDS_NANOS: i128 = 20_000_000;

/// The entity tag of a file that fstat(2) was asked for after `asked`, a time of
/// [`file_time`](webserv_sys::clock::file_time).
///
/// The file may have changed at the time at which it was looked at, and may change once more in the same tick of the
/// kernel's clock: then its times stay the same. Such a tag is weak (RFC 9110 section 8.8.1), and has the exact time of
/// this call in it, so that it matches no other one, also of the same tick.
pub fn etag_of(stat: &Stat, form: EtagForm, asked: Wall) -> Option<Text> {
    let rest = distinction(stat, form)?;
    Some(match is_settled(stat, asked) {
        true => etag::of_file(false, stat.modified_secs, stat.size_bytes, rest),
        false => {
            let now = clock::wall();
            let rest = etag::mixed(&[rest, now.secs as u64, now.nanos.into()]);
            etag::of_file(true, stat.modified_secs, stat.size_bytes, rest)
        }
    })
}

/// The strong entity tag of a file, for If-Match and If-None-Match. A client has a strong tag only of a content that
/// was settled, so an equal one is of this content, however new that is.
pub fn strong_etag_of(stat: &Stat, form: EtagForm) -> Option<Text> {
    distinction(stat, form).map(|rest| etag::of_file(false, stat.modified_secs, stat.size_bytes, rest))
}

/// The date of a file, in seconds since 1970. `None` if build systems have set it: they set 0 or 1 for every content.
pub fn last_modified_secs(stat: &Stat) -> Option<i64> {
    (!is_fixed(stat.modified_secs)).then_some(stat.modified_secs)
}

/// What the tag has beside time and size. `None` if the tag would be the same for every content of this size.
fn distinction(stat: &Stat, form: EtagForm) -> Option<u64> {
    let modified_nanos = u64::from(stat.modified_nanos);
    match form {
        EtagForm::Off => None,
        // An image of a file system, as in a container, may have such times only.
        EtagForm::On if is_fixed(stat.changed_secs) => None,
        EtagForm::On => {
            let changed = [stat.changed_secs as u64, stat.changed_nanos.into()];
            Some(etag::mixed(&[stat.inode, changed[0], changed[1], modified_nanos]))
        }
        EtagForm::Mtime if is_fixed(stat.modified_secs) => None,
        EtagForm::Mtime => Some(modified_nanos),
    }
}

fn is_fixed(secs: i64) -> bool {
    (0..=1).contains(&secs)
}

/// Whether each later change of the file gives it a later ctime. ctime is what counts: no program can set it.
fn is_settled(stat: &Stat, asked: Wall) -> bool {
    let nanos = |secs: i64, nanos: u32| i128::from(secs) * 1_000_000_000 + i128::from(nanos);
    let step = match stat.changed_nanos {
        0 => WHOLE_SECONDS_NANOS,
        n if n % 1_000_000 == 0 => MILLISECONDS_NANOS,
        _ => 0,
    };
    nanos(stat.changed_secs, stat.changed_nanos) + step < nanos(asked.secs, asked.nanos)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::etag::EntityTag;
    use webserv_sys::file::FileKind;

    const SECS: i64 = 1_700_000_000;
    const LONG_AFTER: Wall = Wall { secs: SECS + 100, nanos: 0 };

    const FILE: Stat = Stat {
        kind: FileKind::File,
        size_bytes: 0x400,
        modified_secs: SECS,
        modified_nanos: 123_456_789,
        changed_secs: SECS,
        changed_nanos: 123_456_789,
        inode: 12,
        device: 1,
        owner: 0,
        group: 0,
        mode: 0o644,
        links: 1,
    };

    fn tag(stat: &Stat, form: EtagForm, asked: Wall) -> Option<String> {
        etag_of(stat, form, asked).map(|tag| String::from_utf8(tag.as_bytes().to_vec()).unwrap())
    }

    /// They were the same: the time counted in whole seconds, and nothing else but the size.
    #[test]
    fn two_contents_of_the_same_size_and_second_have_two_tags() {
        let contents = [
            FILE,
            Stat { modified_nanos: 123_456_790, changed_nanos: 123_456_790, ..FILE },
            // The second one has the mtime of the first one: cp -p, rsync, tar.
            Stat { changed_nanos: 123_456_790, ..FILE },
            Stat { changed_secs: SECS + 1, ..FILE },
            // Both were written in one tick of the clock, but are two files.
            Stat { inode: 13, ..FILE },
            // A build system has set mtime.
            Stat { modified_secs: 1, modified_nanos: 0, ..FILE },
            Stat { modified_secs: 1, modified_nanos: 0, changed_nanos: 123_456_790, ..FILE },
            Stat { size_bytes: 0x401, ..FILE },
        ];
        let mut tags: Vec<String> = contents.iter().filter_map(|stat| tag(stat, EtagForm::On, LONG_AFTER)).collect();
        assert!(tags.iter().all(|tag| EntityTag::parse(tag.as_bytes()).is_some_and(|tag| !tag.weak)), "{tags:?}");
        assert!(tags[0].starts_with("\"6553f100-400-"), "it begins as nginx's: {tags:?}");
        tags.sort();
        tags.dedup();
        assert_eq!(tags.len(), contents.len(), "{tags:?}");
        let moved = Stat { mode: 0o600, owner: 7, group: 7, links: 2, device: 9, ..FILE };
        assert_eq!(tag(&moved, EtagForm::On, LONG_AFTER), tag(&FILE, EtagForm::On, LONG_AFTER), "the same content");
    }

    #[test]
    fn two_machines_with_the_same_file_have_one_tag_with_etag_mtime() {
        let elsewhere = Stat { inode: 99, device: 3, changed_secs: SECS + 50, changed_nanos: 1, ..FILE };
        assert_ne!(tag(&FILE, EtagForm::On, LONG_AFTER), tag(&elsewhere, EtagForm::On, LONG_AFTER));
        for stat in [FILE, elsewhere] {
            assert_eq!(tag(&stat, EtagForm::Mtime, LONG_AFTER).unwrap(), "\"6553f100-400-75bcd15\"");
        }
        let whole = Stat { modified_nanos: 0, ..FILE };
        assert_eq!(tag(&whole, EtagForm::Mtime, LONG_AFTER).unwrap(), "\"6553f100-400\"", "nginx's");
    }

    #[test]
    fn where_times_tell_nothing_there_are_no_validators() {
        for (secs, changed_secs, date, tags) in [
            (0, SECS, None, [true, false]),
            (1, SECS, None, [true, false]),
            (1, 1, None, [false, false]),
            (0, 0, None, [false, false]),
            (2, SECS, Some(2), [true, true]),
            (-1, SECS, Some(-1), [true, true]),
        ] {
            let stat = Stat { modified_secs: secs, changed_secs, ..FILE };
            assert_eq!(last_modified_secs(&stat), date, "{secs}");
            let found = [EtagForm::On, EtagForm::Mtime].map(|form| tag(&stat, form, LONG_AFTER).is_some());
            assert_eq!(found, tags, "{secs} {changed_secs}");
            assert_eq!(tag(&stat, EtagForm::Off, LONG_AFTER), None);
        }
    }

    #[test]
    fn a_tag_of_a_file_that_may_change_in_the_same_tick_is_weak_and_matches_nothing_later() {
        let at = |secs, nanos| Wall { secs, nanos };
        for (changed_nanos, asked, settled) in [
            (123_456_789, at(SECS, 123_456_788), false),
            (123_456_789, at(SECS, 123_456_789), false),
            (123_456_789, at(SECS, 123_456_790), true),
            (123_456_789, at(SECS - 5, 999_999_999), false), // the clock was set back
            (120_000_000, at(SECS, 130_000_000), false),     // a file system with steps of 10 ms
            (120_000_000, at(SECS, 140_000_001), true),
            (0, at(SECS, 999_999_999), false), // one with whole seconds
            (0, at(SECS + 2, 0), false),
            (0, at(SECS + 2, 1), true),
        ] {
            for form in [EtagForm::On, EtagForm::Mtime] {
                let stat = Stat { changed_nanos, ..FILE };
                let (now, later) = (tag(&stat, form, asked).unwrap(), tag(&stat, form, LONG_AFTER).unwrap());
                assert_eq!(now == later, settled, "{changed_nanos} {asked:?}: {now} {later}");
                assert_eq!(now.starts_with("W/"), !settled, "{changed_nanos} {asked:?}: {now}");
                let again = tag(&stat, form, asked).unwrap();
                assert_eq!(now == again, settled, "two contents of one tick: {now} {again}");
                let (now, later) = (EntityTag::parse(now.as_bytes()), EntityTag::parse(later.as_bytes()));
                assert_eq!(now.unwrap().is_weakly_equal(&later.unwrap()), settled, "{changed_nanos} {asked:?}");
                let strong = strong_etag_of(&stat, form).unwrap();
                assert_eq!(strong.as_bytes(), tag(&stat, form, LONG_AFTER).unwrap().as_bytes());
            }
        }
    }
}
