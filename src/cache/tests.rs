use super::*;

const IDLE: Duration = Duration::from_secs(10);

fn entry(value: u32, bytes: usize, on: &[(WatchId, &str)]) -> CacheEntry<u32> {
    let depend = |(on, name): &(WatchId, &str)| Dependency { on: *on, name: name.as_bytes().into() };
    CacheEntry { value, bytes, idle_max: IDLE, depends: on.iter().map(depend).collect() }
}

const ROOMY: CacheLimits = CacheLimits { entries_max: 100, bytes_max: 1000 };

fn present(cache: &Cache<u32>) -> Vec<u32> {
    let mut all: Vec<u32> = cache.slots.iter().flatten().map(|slot| slot.entry.value).collect();
    all.sort_unstable();
    all
}

#[test]
fn the_least_recently_used_makes_room() {
    let (mut cache, now) = (Cache::default(), Moment::now());
    let limits = CacheLimits { entries_max: 3, bytes_max: 100 };
    for value in 1..=3 {
        cache.insert(&[value], entry(value.into(), 10, &[]), limits, now);
    }
    assert_eq!(cache.get(&[1], now).copied(), Some(1));
    cache.insert(&[4], entry(4, 10, &[]), limits, now);
    assert_eq!(present(&cache), [1, 3, 4], "2 was not used for the longest time");
    cache.insert(&[5], entry(5, 95, &[]), limits, now);
    assert_eq!((present(&cache), cache.bytes()), (vec![5], 95), "bytes count too");
    cache.insert(&[6], entry(6, 101, &[]), limits, now);
    assert_eq!(present(&cache), [5], "what is too large alone drives nobody out");
    cache.insert(&[5], entry(7, 1, &[]), limits, now);
    assert_eq!((present(&cache), cache.bytes(), cache.len()), (vec![7], 1, 1), "one key has one value");
}

#[test]
fn who_depends_on_what_changed_leaves() {
    type Row = (&'static str, WatchId, &'static str, &'static [u32]);
    let rows: [Row; 6] = [
        ("itself", 1, "", &[3, 4]),
        ("an awaited name", 9, "late", &[1, 2, 3]),
        ("another name in it", 9, "other", &[1, 2, 3, 4]),
        ("a name where only itself matters", 1, "late", &[1, 2, 3, 4]),
        ("its own file", 2, "", &[1, 3, 4]),
        ("what nobody knows", 77, "", &[1, 2, 3, 4]),
    ];
    for (what, on, name, left) in rows {
        let (mut cache, now) = (Cache::default(), Moment::now());
        cache.insert(b"a", entry(1, 1, &[(1, "")]), ROOMY, now);
        cache.insert(b"b", entry(2, 1, &[(1, ""), (2, "")]), ROOMY, now);
        cache.insert(b"c", entry(3, 1, &[(3, "")]), ROOMY, now);
        cache.insert(b"d", entry(4, 1, &[(3, ""), (9, ""), (9, "late")]), ROOMY, now);
        cache.change(on, name.as_bytes());
        assert_eq!(present(&cache), left, "{what}");
    }
}

#[test]
fn what_nobody_depends_on_is_handed_out_once() {
    let (mut cache, now) = (Cache::default(), Moment::now());
    cache.insert(b"a", entry(1, 1, &[(1, ""), (2, "")]), ROOMY, now);
    cache.insert(b"b", entry(2, 1, &[(1, ""), (3, "x")]), ROOMY, now);
    cache.remove(b"a");
    assert_eq!(cache.take_unwatched(usize::MAX), [2]);
    cache.lose(3);
    assert_eq!(present(&cache), [0u32; 0]);
    cache.insert(b"c", entry(3, 1, &[(1, "")]), ROOMY, now);
    assert_eq!(cache.take_unwatched(usize::MAX), [3], "1 is depended on again");
    assert_eq!(cache.take_unwatched(usize::MAX), []);
    cache.insert(b"d", entry(4, 1001, &[(4, "")]), ROOMY, now);
    assert_eq!(cache.take_unwatched(usize::MAX), [4], "a value that was not kept");
    cache.release([5, 6, 7]);
    assert_eq!((cache.take_unwatched(2), cache.has_unwatched()), (vec![6, 7], true));
    assert_eq!((cache.take_unwatched(2), cache.has_unwatched()), (vec![5], false));
}

#[test]
fn what_idles_for_too_long_leaves() {
    let (mut cache, start) = (Cache::default(), Moment::now());
    cache.insert(b"a", entry(1, 1, &[]), ROOMY, start);
    cache.insert(b"b", entry(2, 1, &[]), ROOMY, start);
    cache.get(b"a", start.after(IDLE / 2));
    cache.drop_idle(start.after(IDLE - Duration::from_millis(1)));
    assert_eq!(present(&cache), [1, 2]);
    cache.drop_idle(start.after(IDLE));
    assert_eq!(present(&cache), [1]);
    cache.drop_idle(start.after(IDLE * 2));
    assert!(cache.is_empty());
}

/// splitmix64.
struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % n
    }
}

/// A model of the cache, as simple as possible: a list with the newest value last.
#[derive(Default)]
struct Model {
    entries: Vec<Cached>,
}

/// Key, value, bytes, dependencies, time of the last use.
type Cached = (u8, u32, usize, Vec<(WatchId, String)>, Moment);

impl Model {
    fn insert(&mut self, key: u8, entry: &CacheEntry<u32>, limits: CacheLimits, now: Moment) {
        let bytes = entry.bytes;
        self.entries.retain(|e| e.0 != key);
        if bytes > limits.bytes_max || limits.entries_max == 0 {
            return;
        }
        let total = |entries: &[Cached]| entries.iter().map(|e| e.2).sum::<usize>();
        while self.entries.len() >= limits.entries_max || total(&self.entries) + bytes > limits.bytes_max {
            self.entries.remove(0);
        }
        let text = |name: &[u8]| String::from_utf8_lossy(name).into_owned();
        let on = entry.depends.iter().map(|dependency| (dependency.on, text(&dependency.name))).collect();
        self.entries.push((key, entry.value, bytes, on, now));
    }

    fn get(&mut self, key: u8, now: Moment) -> Option<u32> {
        let at = self.entries.iter().position(|e| e.0 == key)?;
        let mut entry = self.entries.remove(at);
        entry.4 = now;
        self.entries.push(entry);
        self.entries.last().map(|e| e.1)
    }
}

/// Random steps on the cache and on the model; both must agree after each step.
#[test]
fn any_sequence_of_steps_does_what_the_model_does() {
    const NAMES: [&str; 3] = ["", "x", "y"];
    for seed in 0..200 {
        let mut random = Random(seed);
        let limits = CacheLimits { entries_max: random.below(12) as usize, bytes_max: random.below(60) as usize };
        let (mut cache, mut model, mut now) = (Cache::default(), Model::default(), Moment::now());
        let mut watched: BTreeSet<WatchId> = BTreeSet::new();
        for step in 0..300 {
            now = now.after(Duration::from_secs(random.below(3)));
            let (key, on, name) = (random.below(20) as u8, random.below(6) as WatchId, NAMES[random.below(3) as usize]);
            match random.below(10) {
                0..4 => {
                    let bytes = random.below(20) as usize;
                    let on: Vec<_> = (0..random.below(4))
                        .map(|_| (random.below(6) as WatchId, NAMES[random.below(3) as usize]))
                        .collect();
                    watched.extend(on.iter().map(|(on, _)| *on));
                    cache.insert(&[key], entry(step, bytes, &on), limits, now);
                    model.insert(key, &entry(step, bytes, &on), limits, now);
                }
                4..7 => assert_eq!(cache.get(&[key], now).copied(), model.get(key, now), "seed {seed} step {step}"),
                7 => {
                    cache.change(on, name.as_bytes());
                    model.entries.retain(|e| !e.3.iter().any(|d| d.0 == on && d.1 == name));
                }
                8 => {
                    cache.lose(on);
                    model.entries.retain(|e| !e.3.iter().any(|d| d.0 == on));
                }
                _ => {
                    cache.drop_idle(now);
                    model.entries.retain(|e| now.since(e.4) < IDLE);
                }
            }
            let mut expected: Vec<u32> = model.entries.iter().map(|e| e.1).collect();
            expected.sort_unstable();
            assert_eq!(present(&cache), expected, "seed {seed} step {step}");
            assert_eq!(cache.bytes(), model.entries.iter().map(|e| e.2).sum::<usize>(), "seed {seed} step {step}");
            assert!(cache.len() <= limits.entries_max && cache.bytes() <= limits.bytes_max);
            // The cache watches exactly what its values depend on.
            watched = &watched - &cache.take_unwatched(usize::MAX).into_iter().collect();
            let needed: BTreeSet<WatchId> = model.entries.iter().flat_map(|e| e.3.iter().map(|d| d.0)).collect();
            assert_eq!(watched, needed, "seed {seed} step {step}");
        }
        cache.clear();
        assert!(cache.is_empty() && cache.bytes() == 0 && cache.dependents.is_empty());
    }
}
