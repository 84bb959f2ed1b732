//! Tables and properties of the buckets, the pace and the tables of the zones.

use super::bucket::Bucket;
use super::table::Table;
use super::*;
use crate::http::seeded::Seeded;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

#[test]
fn a_bucket_leaks_by_the_thousandth() {
    let (second, minute) = (Rate::per_second, Rate::per_minute);
    // The excess before, milliseconds since then, the excess with one more request.
    let table = [
        (second(1), 0, 0, 1000),
        (second(1), 0, 1, 999),
        (second(1), 0, 999, 1),
        (second(1), 0, 1000, 0),
        (second(1), 0, 5000, 0),
        (second(1), 2500, 500, 3000),
        (second(2), 1000, 250, 1500),
        (second(1000), 0, 1, 0),
        (minute(30), 0, 1000, 500),
        (minute(1), 0, 0, 1000),
        (minute(1), 0, 62, 1000), // 0.016 per second is nothing in 62 milliseconds
        (minute(1), 0, 63, 999),
        (minute(1), 0, 62_500, 0),
        (second(u32::MAX), u64::MAX / 2, u64::MAX, 0),
    ];
    for (rate, excess, after_ms, expected) in table {
        let mut bucket = Bucket::new(0);
        bucket.count(excess, 0);
        assert_eq!(bucket.with_one_more(rate, after_ms), expected, "{rate:?} {excess} {after_ms}");
    }
}

#[test]
fn a_clock_that_lags_leaks_nothing() {
    let mut bucket = Bucket::new(5000);
    assert_eq!(bucket.with_one_more(Rate::per_second(1), 4000), 1000);
    bucket.count(1000, 4000);
    assert_eq!(bucket.with_one_more(Rate::per_second(1), 5000), 2000, "the later time stays");
}

#[test]
fn delays() {
    let second = Rate::per_second;
    let table = [
        (0, 0, second(1), 0),
        (1000, 0, second(1), 1000),
        (1000, 0, second(2), 500),
        (1500, 0, Rate::per_minute(30), 3000),
        (2000, 1000, second(1), 1000),
        (1000, 1000, second(1), 0),
        (900, 1000, second(1), 0),
        (1000, u64::MAX, second(1), 0),
        (1, 0, second(1000), 0),
        (1000, 0, Rate::per_minute(1), 62_500),
    ];
    for (excess, undelayed, rate, expected) in table {
        assert_eq!(delay_ms(excess, undelayed, rate), expected, "{excess} {undelayed} {rate:?}");
    }
}

/// In any stretch of time, no key gets more requests through than the rate, the burst and the first one allow.
#[test]
fn no_key_gets_more_than_its_rate() {
    for seed in 0..200 {
        let mut random = Seeded(seed);
        let (per_second, burst) = (1 + random.below(50) as u64, random.below(20) as u64);
        let rate = Rate::per_second(per_second as u32);
        let requests = Requests::with_bytes(1 << 20);
        let (mut now_ms, mut passed): (u64, Vec<u64>) = (1 << 40, Vec::new());
        for _ in 0..400 {
            now_ms += *random.pick(&[0, 0, 1, 3, 20, 100, 700]);
            let before = requests.judge(b"key", rate, burst * 1000, now_ms);
            let judgment = requests.judge_and_count(b"key", rate, burst * 1000, now_ms);
            assert_eq!(judgment, before, "to judge changes nothing");
            match judgment {
                Judgment::Passes(excess) => {
                    assert!(excess <= burst * 1000);
                    passed.push(now_ms);
                }
                Judgment::TooMany(excess) => assert!(excess > burst * 1000),
                Judgment::NoRoom => panic!("one key has room"),
            }
        }
        for (at, from) in passed.iter().enumerate() {
            for (more, to) in passed[at..].iter().enumerate() {
                let allowed_thousandths = (to - from) * per_second + (burst + 1) * 1000;
                assert!((more as u64 + 1) * 1000 <= allowed_thousandths + 1000, "seed {seed}: {more} in {}", to - from);
            }
        }
    }
}

#[test]
fn requests_of_another_limit_are_judged_first_and_counted_later() {
    let (requests, rate) = (Requests::with_bytes(1 << 20), Rate::per_minute(1));
    assert_eq!(requests.judge(b"a", rate, 0, 1000), Judgment::Passes(0));
    assert_eq!(requests.judge(b"a", rate, 0, 1000), Judgment::Passes(0), "nothing was counted");
    assert_eq!(requests.count(b"a", rate, 1000), 0, "the first one is free");
    assert_eq!(requests.judge(b"a", rate, 0, 1000), Judgment::TooMany(1000));
    assert_eq!(requests.judge(b"b", rate, 0, 1000), Judgment::Passes(0));
    assert_eq!(requests.count(b"a", rate, 1000), 1000);
    assert_eq!(requests.judge_and_count(b"a", rate, 5000, 1000), Judgment::Passes(2000));
}

#[test]
fn a_full_zone_forgets_the_key_that_was_not_used_for_the_longest_time() {
    let (requests, rate) = (Requests::with_bytes(32 << 10), Rate::per_minute(1));
    let key = |number: usize| format!("{number:08}").into_bytes();
    let fit = (32 << 10) / Table::<Bucket>::entry_bytes(&key(0));
    for number in 0..fit {
        assert_eq!(requests.judge_and_count(&key(number), rate, 0, 0), Judgment::Passes(0));
    }
    assert_eq!(requests.judge(&key(0), rate, 0, 0), Judgment::TooMany(1000), "all are there; this one is used");
    assert_eq!(requests.judge_and_count(&key(fit), rate, 0, 0), Judgment::Passes(0));
    assert_eq!(requests.judge(&key(0), rate, 0, 0), Judgment::TooMany(1000));
    assert_eq!(requests.judge(&key(1), rate, 0, 0), Judgment::Passes(0), "this one is forgotten");
    assert_eq!(requests.judge_and_count(&[b'x'; 40 << 10], rate, 0, 0), Judgment::NoRoom);
    assert_eq!(requests.judge(&[b'x'; 40 << 10], rate, 0, 0), Judgment::NoRoom);
}

#[test]
fn a_zone_of_a_megabyte_has_room_for_ten_thousand_addresses_and_for_the_longest_key() {
    assert!((1 << 20) / Table::<Bucket>::entry_bytes(&[127, 0, 0, 1]) >= 10_000);
    let requests = Requests::with_bytes(1 << 20);
    assert_eq!(requests.judge_and_count(&[b'x'; 65_535], Rate::per_second(1), 0, 0), Judgment::Passes(0));
}

#[test]
fn a_place_is_given_back_when_it_is_dropped() {
    let places = Arc::new(Places::with_bytes(32 << 10));
    let take = |key: &str, most| Place::take(&places, key.as_bytes(), most);
    let first = take("a", 2).expect("the first");
    let second = take("a", 2).expect("the second");
    assert_eq!(take("a", 2).err(), Some(NoPlace::TooMany));
    assert!(take("a", 3).is_ok(), "another limit of the same zone");
    assert!(take("b", 1).is_ok(), "another key");
    drop(first);
    let third = take("a", 2).expect("the place of the first");
    assert_eq!(take("a", 2).err(), Some(NoPlace::TooMany));
    drop((second, third));
    assert!(take("a", 1).is_ok(), "no entry is left");
}

#[test]
fn a_zone_without_memory_has_no_place_until_one_is_given_back() {
    let places = Arc::new(Places::with_bytes(32 << 10));
    let (mut held, mut number) = (Vec::new(), 0);
    let why = loop {
        number += 1;
        match Place::take(&places, format!("{number}").as_bytes(), 1) {
            Ok(place) => held.push(place),
            Err(why) => break why,
        }
    };
    assert_eq!(why, NoPlace::NoRoom);
    assert_eq!(held.len(), (32 << 10) / Table::<u32>::entry_bytes(b"1"));
    assert!(Place::take(&places, b"1", 2).is_ok(), "a key that is there needs no memory");
    held.pop();
    assert!(Place::take(&places, b"new", 1).is_ok());
}

#[test]
fn threads_never_hold_more_places_than_there_are() {
    let places = Arc::new(Places::with_bytes(1 << 20));
    let held = std::sync::atomic::AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..5000 {
                    if let Ok(place) = Place::take(&places, b"key", 3) {
                        let before = held.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                        assert!(before < 3);
                        held.fetch_sub(1, std::sync::atomic::Ordering::SeqCst);
                        drop(place);
                    }
                }
            });
        }
    });
    assert!(Place::take(&places, b"key", 1).is_ok(), "all were given back");
}

#[test]
fn a_table_finds_what_a_map_finds() {
    for seed in 0..50 {
        let mut random = Seeded(seed);
        let (mut table, mut model): (Table<u32>, HashMap<Vec<u8>, u32>) = Default::default();
        for step in 0..2000 {
            let key = random.below(60).to_string().into_bytes();
            let hash = key.iter().map(|byte| u32::from(*byte)).sum::<u32>() % 7; // many keys have the same
            let found = table.find(&key, hash).map(|place| (place, *table.at(place)));
            assert_eq!(found.map(|(_, value)| value), model.get(&key).copied(), "seed {seed}, step {step}");
            match (found, random.below(3)) {
                (Some((place, _)), 0) => {
                    table.remove(place);
                    model.remove(&key);
                }
                (Some((place, _)), _) => {
                    *table.at(place) = step;
                    model.insert(key, step);
                }
                (None, _) => {
                    table.add(&key, hash, step);
                    model.insert(key, step);
                }
            }
            let bytes: usize = model.keys().map(|key| Table::<u32>::entry_bytes(key)).sum();
            assert_eq!(table.bytes(), bytes);
        }
    }
}

#[test]
fn a_pace_begins_with_a_second() {
    let ms = Duration::from_millis;
    // Rate, after, sent, elapsed; what is allowed.
    let table = [
        (1000, 0, 0, 0, 1000),
        (1000, 0, 1000, 0, 0),
        (1000, 0, 1000, 1, 1),
        (1000, 0, 1000, 999, 999),
        (1000, 0, 1500, 250, 0),
        (1000, 256, 0, 0, 1256),
        (12 << 10, 256, 12_544, 1000, 12_288),
        (1, 0, 1, 999, 0),
        (1, 0, 1, 1000, 1),
        (u64::MAX, u64::MAX, u64::MAX, 1000, u64::MAX),
    ];
    for (rate, after, sent, elapsed_ms, expected) in table {
        let mut pace = Pace::new(rate, after);
        pace.count(sent);
        assert_eq!(pace.allowed(ms(elapsed_ms)), expected, "{rate} {after} {sent} {elapsed_ms}");
    }
}

/// After each wait there is something to send, and all of it takes the time that it should.
#[test]
fn a_paced_response_takes_its_time_and_never_spins() {
    for seed in 0..300 {
        let mut random = Seeded(seed);
        let rate = *random.pick(&[1, 7, 100, 999, 1000, 1024, 12_288, 1 << 20]);
        let after = *random.pick(&[0, 1, 256, 5000]);
        let length = 1 + random.below(8 * rate as usize) as u64;
        let (mut pace, mut left, mut elapsed, mut turns) = (Pace::new(rate, after), length, Duration::ZERO, 0);
        loop {
            let bytes = pace.allowed(elapsed).min(left);
            assert!(bytes > 0, "seed {seed}: a turn for nothing");
            pace.count(bytes);
            left -= bytes;
            turns += 1;
            if left == 0 {
                break;
            }
            let wait = pace.wait(left, elapsed);
            assert!(wait > Duration::ZERO);
            elapsed += wait;
        }
        let limited = length.saturating_sub(rate + after);
        let least_ms = (limited * 1000).div_ceil(rate);
        assert_eq!(elapsed.as_millis() as u64, least_ms, "seed {seed}");
        assert!(turns <= 2 + limited / rate, "seed {seed}: {turns} turns");
    }
}
